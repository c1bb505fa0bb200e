"""Relational: the samples of a batch shall lie to each other in the student as they do in the teacher."""

from typing import ClassVar

import torch
from torch.nn import functional

from ..method import Lesson, Method
from .directions import directions
from .pairs import compared

LEAST = 1e-12  # of a mean distance: below it all samples are in one place


class Distances(Method):
    """Huber's loss of the distances between all samples, each side's in parts of its own mean distance; pairs add up.

    Park, Kim, Lu, Cho 2019, Relational Knowledge Distillation, equations 4 to 6. Moved, turned or scaled, either side
    is the same to it, and widths may differ.
    """

    weight: ClassVar[float] = 25.0

    def __init__(self, student: tuple[str, ...] = ("embedding",), teacher: tuple[str, ...] = ("embedding",)) -> None:
        super().__init__(student, teacher)

    def forward(self, lesson: Lesson) -> torch.Tensor:
        return compared(functional.smooth_l1_loss, _distances, self.heard(lesson))


class Angles(Method):
    """Huber's loss of the cosines of the angles that all triples of samples make; pairs are added up.

    The same paper, equations 7 to 9. It takes n x n x width numbers of a batch of n: hear something small.
    """

    weight: ClassVar[float] = 50.0

    def __init__(self, student: tuple[str, ...] = ("embedding",), teacher: tuple[str, ...] = ("embedding",)) -> None:
        super().__init__(student, teacher)

    def forward(self, lesson: Lesson) -> torch.Tensor:
        return compared(functional.smooth_l1_loss, _angles, self.heard(lesson))


def _distances(values: torch.Tensor) -> torch.Tensor:
    """(n,n) of features (n,...), whose mean is 1."""
    points = values.flatten(1)
    found = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")  # 0 exactly of a point to itself
    count = len(points)
    return found / (found.sum() / (count * (count - 1))).clamp_min(LEAST)


def _angles(values: torch.Tensor) -> torch.Tensor:
    """Cosines (n,n,n) of features (n,...): at the first sample, between the ways to the second and to the third."""
    points = values.flatten(1)
    ways = directions(points[None] - points[:, None])
    return ways @ ways.transpose(1, 2)
