"""A value that changes while a training goes on: constant, in a line, in half a cosine, or in stairs."""

import math
from dataclasses import dataclass
from typing import Literal

Shape = Literal["constant", "linear", "cosine", "stairs"]
STAIRS = 5


@dataclass(frozen=True)
class Scheduled:
    """From `start` to `end` as the training's progress runs from 0 to 1.

    "linear" in a straight line; "cosine" slow at both ends; "stairs" in five equal levels, the first `start` and the
    last `end`, a progressive distillation; "constant" is `start` all the way.
    """

    start: float
    end: float
    shape: Shape

    def at(self, progress: float) -> float:
        """The value at this progress, 0 to 1."""
        return self.start + (self.end - self.start) * _way(self.shape, min(max(progress, 0.0), 1.0))


def _way(shape: Shape, progress: float) -> float:
    """How much of the way from start to end is behind."""
    if shape == "constant":
        return 0.0
    if shape == "linear":
        return progress
    if shape == "cosine":
        return 0.5 * (1 - math.cos(math.pi * progress))
    return min(math.floor(progress * STAIRS), STAIRS - 1) / (STAIRS - 1)
