"""Contrastive: a student's sample shall be told from all others by what the teacher says of it."""

import math
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from ..method import Lesson, Method
from .directions import directions
from .places import mean_over_places


class Contrastive(Method):
    """Of one layer each, means over all places, through two dense layers to directions of `dimensions` values: a
    sample's two shall be alike, and unlike those of `negatives` other samples.

    Tian, Krishnan, Isola 2020, Contrastive Representation Distillation (CRD), equations 17 to 19. Others are drawn from
    memories, one a side, of what each sample of the training set was when it was last heard, in the part `momentum`
    what it was before (Wu et al. 2018). The draw is one for the batch, from torch's random numbers; samples of the same
    known class are no others. What stands for the sum over all samples is fixed in the first lesson, as in the paper's
    code. Its least value is above 0: it falls as pairs agree and others part.
    """

    weight: ClassVar[float] = 0.8
    memories: torch.Tensor
    labels: torch.Tensor
    usual: torch.Tensor

    def __init__(
        self,
        student: tuple[str, ...] = ("embedding",),
        teacher: tuple[str, ...] = ("embedding",),
        negatives: int = 1024,
        dimensions: int = 128,
        temperature: float = 0.07,
        momentum: float = 0.5,
    ) -> None:
        if len(student) != 1 or len(teacher) != 1:
            raise ValueError("student and teacher name one layer each; write the method twice for two pairs")
        if not temperature > 0 or not momentum < 1:
            raise ValueError(f"temperature is {temperature}, momentum {momentum}; above 0 and below 1 are possible")
        super().__init__(student, teacher)
        self.negatives, self.dimensions = negatives, dimensions
        self.temperature, self.momentum = temperature, momentum
        self.connectors = nn.ModuleList()
        self.said: tuple[Lesson, torch.Tensor] | None = None

    def prepare(self, net: nn.Module, lesson: Lesson, samples: int) -> None:
        widths = [mean_over_places(values).shape[1] for values in self.heard(lesson)[0]]
        self.connectors = nn.ModuleList(nn.Linear(width, self.dimensions) for width in widths)
        self.register_buffer("memories", directions(torch.randn(2, samples, self.dimensions)))
        self.register_buffer("labels", torch.full((samples,), -1))
        self.register_buffer("usual", torch.zeros(2, 1, 1))
        self.to(lesson.x.device)
        with torch.no_grad():
            likeness = self._likeness(self._points(lesson), self._drawn(lesson))
            self.usual.copy_(likeness.exp().mean(dim=(1, 2), keepdim=True).log())

    def forward(self, lesson: Lesson) -> torch.Tensor:
        points, drawn = self._points(lesson), self._drawn(lesson)
        self.said = (lesson, points.detach())
        chance = self.usual + math.log(self.negatives)
        pairs = (points[0] * points[1]).sum(dim=1) / self.temperature  # (n,)
        others = self._likeness(points, drawn) - chance  # (2,n,negatives)
        missed = functional.softplus(chance[..., 0] - pairs)  # (2,n)
        taken = (functional.softplus(others) * self._is_other(lesson, drawn)).sum(dim=2)
        return (missed + taken).mean(dim=1).sum()

    def after_step(self, net: nn.Module) -> None:
        if self.said is None:
            return
        (lesson, points), self.said = self.said, None
        kept = self.momentum * self.memories[:, lesson.rows] + (1 - self.momentum) * points
        self.memories[:, lesson.rows] = directions(kept)
        if lesson.task.kind == "classify" and lesson.partners is None:
            self.labels[lesson.rows] = lesson.y

    def _points(self, lesson: Lesson) -> torch.Tensor:
        """Directions (2,n,dimensions) of the student's samples and the teacher's."""
        each = zip(self.connectors, self.heard(lesson)[0], strict=True)
        return torch.stack([directions(found(mean_over_places(values))) for found, values in each])

    def _drawn(self, lesson: Lesson) -> torch.Tensor:
        """Rows (negatives,) of the training set."""
        return torch.randint(self.memories.shape[1], (self.negatives,), device=lesson.x.device)

    def _likeness(self, points: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
        """(2,n,negatives): the student's samples against the teacher's memory, and the other way round."""
        return points @ self.memories.flip(0)[:, drawn].transpose(1, 2) / self.temperature

    def _is_other(self, lesson: Lesson, drawn: torch.Tensor) -> torch.Tensor:
        """Whether (n,negatives) is another sample, not known to be of the same class."""
        others = lesson.rows[:, None] != drawn
        if lesson.task.kind != "classify" or lesson.partners is not None:
            return others
        return others & ((lesson.y[:, None] < 0) | (lesson.y[:, None] != self.labels[drawn]))
