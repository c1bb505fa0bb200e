"""Variational: a student's layer shall tell as much as it can of a teacher's."""

import math
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from ..method import Lesson, Method
from .maps import map_pairs

FIRST = 5.0  # of every channel's variance, before it is learned
LEAST = 1e-5


class Variational(Method):
    """The negative log likelihood of the teacher's maps under normal distributions whose means are computed from the
    student's by three 1x1 convolutions, and whose variances are learned, one a channel; pairs are added up.

    Ahn, Hu, Damianou, Lawrence, Dai 2019, Variational Information Distillation, equations 4 to 6, without what does not
    depend on the student. Its least value is not 0 but half the mean logarithm of the variances, where every mean is
    right.
    """

    weight: ClassVar[float] = 1.0

    def __init__(self, student: tuple[str, ...] = ("features",), teacher: tuple[str, ...] = ("features",)) -> None:
        super().__init__(student, teacher)
        self.means, self.spreads = nn.ModuleList(), nn.ParameterList()

    def prepare(self, net: nn.Module, lesson: Lesson, samples: int) -> None:
        for own, theirs in map_pairs(self, lesson):
            channels = theirs.shape[1]
            self.means.append(_means(own.shape[1], channels))
            self.spreads.append(nn.Parameter(torch.full((channels,), math.log(math.expm1(FIRST - LEAST)))))
        self.to(lesson.x.device)

    def forward(self, lesson: Lesson) -> torch.Tensor:
        each = zip(self.means, self.spreads, map_pairs(self, lesson), strict=True)
        return torch.stack([_unlikely(mean(own), spread, theirs) for mean, spread, (own, theirs) in each]).sum()


def _means(channels_in: int, channels_out: int) -> nn.Sequential:
    """(n,in,h,w) -> (n,out,h,w)."""
    first, second, last = (nn.Conv2d(channels, channels_out, 1) for channels in (channels_in, *[channels_out] * 2))
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), last)


def _unlikely(mean: torch.Tensor, spread: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    variance = (functional.softplus(spread) + LEAST)[None, :, None, None]
    return 0.5 * ((theirs - mean).square() / variance + variance.log()).mean()
