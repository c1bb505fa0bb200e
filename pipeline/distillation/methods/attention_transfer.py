"""Attention transfer: a student shall look where its teacher looks, whatever it sees there."""

from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from ...errors import BadRecipe
from ..method import Lesson, Method
from .directions import directions
from .maps import map_pairs
from .pairs import compared


class AttentionTransfer(Method):
    """The mean squared difference between attention maps: the mean square over the channels at every place, each map 1
    long a sample; pairs are added up.

    Zagoruyko, Komodakis 2017, Paying More Attention to Attention, equation 2 with p = 2, as RepDistiller scales it.
    Channels may differ, the larger map is pooled. BadRecipe for a layer with one place: there is nowhere else to look.
    """

    weight: ClassVar[float] = 1000.0

    def __init__(self, student: tuple[str, ...] = ("features",), teacher: tuple[str, ...] = ("features",)) -> None:
        super().__init__(student, teacher)

    def prepare(self, net: nn.Module, lesson: Lesson, samples: int) -> None:
        each = zip(self.student, self.heard(lesson), map_pairs(self, lesson), strict=True)
        for path, (own, theirs), (pooled, _) in each:
            if pooled[0, 0].numel() == 1:
                raise BadRecipe(
                    f"attention: layer {path!r} of the student gives {tuple(own.shape[1:])} a sample, the teacher's "
                    f"{tuple(theirs.shape[1:])}: one place in common, and nowhere else to look; hear layers before the "
                    "mean over all places"
                )

    def forward(self, lesson: Lesson) -> torch.Tensor:
        return compared(functional.mse_loss, _attention, map_pairs(self, lesson))


def _attention(values: torch.Tensor) -> torch.Tensor:
    """(n,places) of (n,channels,h,w)."""
    return directions(values.square().mean(dim=1).flatten(1))
