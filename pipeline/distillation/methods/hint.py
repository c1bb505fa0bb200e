"""Hint: a student's layer is drawn to a teacher's, value by value, through a connector."""

from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from ..method import Lesson, Method
from .maps import map_pairs


class Hint(Method):
    """The mean squared error between the teacher's maps and the student's behind a 1x1 convolution; pairs are added up.

    Romero et al. 2015, FitNets, equation 3, with the smaller regressor of RepDistiller, and at once with the rest of
    the loss instead of before it. The larger map is pooled to the smaller; for (n,width) the convolution is a dense
    layer. It begins as the identity where both have as many channels.
    """

    weight: ClassVar[float] = 100.0

    def __init__(self, student: tuple[str, ...] = ("features",), teacher: tuple[str, ...] = ("features",)) -> None:
        super().__init__(student, teacher)
        self.connectors = nn.ModuleList()

    def prepare(self, net: nn.Module, lesson: Lesson, samples: int) -> None:
        pairs = map_pairs(self, lesson)
        self.connectors = nn.ModuleList(connector(own.shape[1], theirs.shape[1]) for own, theirs in pairs)
        self.to(lesson.x.device)

    def forward(self, lesson: Lesson) -> torch.Tensor:
        each = zip(self.connectors, map_pairs(self, lesson), strict=True)
        return torch.stack([functional.mse_loss(found(own), theirs) for found, (own, theirs) in each]).sum()


def connector(channels_in: int, channels_out: int) -> nn.Conv2d:
    """A 1x1 convolution: (n,in,h,w) -> (n,out,h,w)."""
    made = nn.Conv2d(channels_in, channels_out, 1)
    if channels_in == channels_out:
        nn.init.dirac_(made.weight)
        nn.init.zeros_(made.bias)  # type: ignore[arg-type]
    return made
