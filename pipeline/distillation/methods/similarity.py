"""Similarity: which samples of a batch are like each other, the student shall find as its teacher does."""

import math
from typing import ClassVar

import torch
from torch.nn import functional

from ..method import Lesson, Method
from .directions import directions
from .pairs import compared

EPSILON = 1e-7  # beside probabilities whose logarithm is taken


class Similarities(Method):
    """The mean squared difference between the inner products of all samples, each row of them 1 long; pairs add up.

    Tung, Mori 2019, Similarity-Preserving Knowledge Distillation, equations 1 to 4. Widths may differ.
    """

    weight: ClassVar[float] = 3000.0

    def __init__(self, student: tuple[str, ...] = ("embedding",), teacher: tuple[str, ...] = ("embedding",)) -> None:
        super().__init__(student, teacher)

    def forward(self, lesson: Lesson) -> torch.Tensor:
        return compared(functional.mse_loss, _products, self.heard(lesson))


class Neighbours(Method):
    """The KL divergence between the probabilities with which a sample picks another as its neighbour, in parts of their
    cosines moved to 0..1; a mean over all pairs of samples. Pairs of layers are added up.

    Passalis, Tefas 2018, Learning Deep Representations with Probabilistic Knowledge Transfer (PKT), equations 2 to 6.
    """

    weight: ClassVar[float] = 30000.0

    def __init__(self, student: tuple[str, ...] = ("embedding",), teacher: tuple[str, ...] = ("embedding",)) -> None:
        super().__init__(student, teacher)

    def forward(self, lesson: Lesson) -> torch.Tensor:
        return compared(_divergence, _picked, self.heard(lesson))


class Correlations(Method):
    """The mean squared difference between the samples' correlations under a Gaussian kernel of width `gamma`, of whose
    Taylor series the terms up to `order` are taken; pairs are added up.

    Peng et al. 2019, Correlation Congruence for Knowledge Distillation, equations 5, 6 and 10, on directions: the
    kernel of 1 long vectors is exp(-2 gamma) * sum of (2 gamma)^p / p! * cosine^p.
    """

    weight: ClassVar[float] = 100.0  # RepDistiller's 0.02 belongs to another form of this loss

    def __init__(
        self,
        student: tuple[str, ...] = ("embedding",),
        teacher: tuple[str, ...] = ("embedding",),
        gamma: float = 0.4,
        order: int = 2,
    ) -> None:
        super().__init__(student, teacher)
        self.gamma, self.order = gamma, order

    def forward(self, lesson: Lesson) -> torch.Tensor:
        return compared(functional.mse_loss, self._kernel, self.heard(lesson))

    def _kernel(self, values: torch.Tensor) -> torch.Tensor:
        """(n,n) of features (n,...)."""
        cosines, twice = _cosines(values), 2 * self.gamma
        terms = [twice**power / math.factorial(power) * cosines**power for power in range(self.order + 1)]
        return math.exp(-twice) * torch.stack(terms).sum(dim=0)


def _products(values: torch.Tensor) -> torch.Tensor:
    """(n,n) of features (n,...): how like the others each sample is, all rows 1 long."""
    points = values.flatten(1)
    return directions(points @ points.T)


def _cosines(values: torch.Tensor) -> torch.Tensor:
    """(n,n) of features (n,...)."""
    points = directions(values.flatten(1))
    return points @ points.T


def _picked(values: torch.Tensor) -> torch.Tensor:
    """Probabilities (n,n) of features (n,...): each row's sum is 1."""
    likeness = (_cosines(values) + 1) / 2
    return likeness / likeness.sum(dim=1, keepdim=True)


def _divergence(own: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    return (theirs * ((theirs + EPSILON) / (own + EPSILON)).log()).mean()
