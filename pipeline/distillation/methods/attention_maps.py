"""Attention maps: what every position of a student hears is drawn to what it hears in the teacher."""

import torch
from torch import nn
from torch.nn import functional

from ...errors import BadInput
from ..method import Lesson, Method

FORMS = ("scores", "shares")
LEAST = 1e-9  # of a share: below it there is nothing to match


class AttentionMaps(Method):
    """The paths name softmax layers, which give (n,heads,length,length); where the numbers of heads differ, their means
    are compared.

    `form` "scores" is the mean squared error between what goes into the softmax (Jiao et al. 2020, TinyBERT, equation
    7): the logarithms of the shares about their mean over each row, for what is the same in a row the softmax drops.
    "shares" is the KL divergence of the student's shares from the teacher's, a mean over heads and positions (Sun et
    al. 2020, MobileBERT, equation 2). A pair of paths is one entry of the layer map; the pairs are added up.
    """

    def __init__(
        self,
        student: tuple[str, ...] = ("blocks.0.hear.1.share", "blocks.1.hear.1.share"),
        teacher: tuple[str, ...] = ("blocks.0.hear.1.share", "blocks.1.hear.1.share"),
        form: str = "scores",
    ) -> None:
        if form not in FORMS:
            raise ValueError(f"form is {form!r}; there are {', '.join(FORMS)}")
        super().__init__(student, teacher)
        self.form = form

    def prepare(self, net: nn.Module, lesson: Lesson, samples: int) -> None:
        for path, (own, theirs) in zip(self.student, self.heard(lesson), strict=True):
            if own.ndim != 4 or own.shape[2:] != theirs.shape[2:]:
                raise BadInput(
                    f"layer {path!r} of the student gives {tuple(own.shape[1:])} a sample, the teacher's "
                    f"{tuple(theirs.shape[1:])}; attention maps are (heads, length, length), of one length"
                )

    def forward(self, lesson: Lesson) -> torch.Tensor:
        return torch.stack([self._distance(*_of_like_heads(*pair)) for pair in self.heard(lesson)]).sum()

    def _distance(self, own: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
        logarithms = [shares.clamp_min(LEAST).log() for shares in (own, theirs)]
        if self.form == "shares":
            return (theirs * (logarithms[1] - logarithms[0])).sum(dim=-1).mean()
        student, teacher = (values - values.mean(dim=-1, keepdim=True) for values in logarithms)
        return functional.mse_loss(student, teacher)


def _of_like_heads(own: torch.Tensor, theirs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    if own.shape[1] == theirs.shape[1]:
        return own, theirs
    return own.mean(dim=1, keepdim=True), theirs.mean(dim=1, keepdim=True)
