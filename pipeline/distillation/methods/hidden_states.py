"""Hidden states and embeddings: what a transformer holds at every position is matched through a linear map."""

import torch
from torch import nn
from torch.nn import functional

from ...errors import BadInput
from ..method import Lesson, Method


class HiddenStates(Method):
    """The mean squared error between the teacher's states and the student's, through a learned linear map where their
    widths differ; a pair of paths is one entry of the layer map.

    Jiao et al. 2020, TinyBERT, equation 8. BadInput unless both have as many positions.
    """

    def __init__(
        self, student: tuple[str, ...] = ("blocks.0", "blocks.1"), teacher: tuple[str, ...] = ("blocks.0", "blocks.1")
    ) -> None:
        super().__init__(student, teacher)
        self.maps = nn.ModuleList()

    def prepare(self, net: nn.Module, lesson: Lesson, samples: int) -> None:
        for path, (own, theirs) in zip(self.student, self.heard(lesson), strict=True):
            check_positions(path, own, theirs)
            widths = own.shape[2], theirs.shape[2]
            self.maps.append(nn.Identity() if widths[0] == widths[1] else nn.Linear(*widths, bias=False))
        self.to(lesson.x.device)

    def forward(self, lesson: Lesson) -> torch.Tensor:
        each = zip(self.maps, self.heard(lesson), strict=True)
        return torch.stack([functional.mse_loss(found(own), theirs) for found, (own, theirs) in each]).sum()


class Embeddings(HiddenStates):
    """The same for the tables that token ids go through first (TinyBERT, equation 9)."""

    def __init__(self, student: tuple[str, ...] = ("table",), teacher: tuple[str, ...] = ("table",)) -> None:
        super().__init__(student, teacher)


def check_positions(path: str, own: torch.Tensor, theirs: torch.Tensor) -> None:
    """BadInput unless both are (n,positions,width) of as many positions; `path` is the student's layer."""
    if own.ndim != 3 or theirs.ndim != 3 or own.shape[1] != theirs.shape[1]:
        raise BadInput(
            f"layer {path!r} of the student gives {tuple(own.shape[1:])} a sample, the teacher's "
            f"{tuple(theirs.shape[1:])}; this method wants (positions, width) of both, with as many positions: "
            "hear other layers"
        )
