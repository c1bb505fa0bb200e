"""Pearson: outputs need not be equal, only rise and fall together, over the classes and over the samples."""

import torch

from ..method import Lesson, Method
from .directions import directions


class Pearson(Method):
    """T^2 * (beta * inter + gamma * intra): 1 less the correlation of softened outputs, sample by sample over the
    classes, and class by class over the samples of the batch.

    Huang, You, Wang, Qian, Xu 2022, Knowledge Distillation from A Stronger Teacher (DIST), equations 7 to 10. What is
    the same throughout correlates with nothing and teaches nothing.
    """

    def __init__(self, beta: float = 1.0, gamma: float = 1.0) -> None:
        super().__init__()
        self.beta, self.gamma = beta, gamma

    def forward(self, lesson: Lesson) -> torch.Tensor:
        t = lesson.temperature
        own, theirs = ((outputs / t).softmax(dim=1) for outputs in (lesson.student.outputs, lesson.taught.outputs))
        return t**2 * (self.beta * _unlike(own, theirs) + self.gamma * _unlike(own.T, theirs.T))


def _unlike(own: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    """1 less Pearson's correlation of the rows, their mean."""
    one, other = (directions(values - values.mean(dim=1, keepdim=True)) for values in (own, theirs))
    return 1 - (one * other).sum(dim=1).mean()
