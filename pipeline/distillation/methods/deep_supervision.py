"""Deep supervision: heads on a student's inner layers learn the task, and are taught by the student's own end."""

import torch
from torch import nn

from ..method import Lesson, Method
from .places import mean_over_places
from .soft_targets import softened


class DeepSupervision(Method):
    """A head of two dense layers, `hidden` wide, on each of the `student` layers: the task's loss, and the distance of
    its softened outputs to the student's own.

    Zhang et al. 2019, Be Your Own Teacher, equations 1 and 2, after Lee et al. 2015, Deeply-Supervised Nets; without
    the hint of equation 3, and with a plain head behind a mean over all places. `share` is the paper's alpha: the part
    that the deepest classifier has in a head's loss. Nothing flows from a head into the student's own end.
    """

    def __init__(self, student: tuple[str, ...] = ("features",), share: float = 0.5, hidden: int = 64) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"share is {share}; it is the part that the student's own end has in a head, from 0 to 1")
        super().__init__(student)
        self.share, self.hidden = share, hidden
        self.heads = nn.ModuleList()

    def prepare(self, net: nn.Module, lesson: Lesson, samples: int) -> None:
        outputs = lesson.student.outputs[0].numel()
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.Linear(mean_over_places(values).shape[1], self.hidden), nn.ReLU(), nn.Linear(self.hidden, outputs)
            )
            for values in (lesson.student.features[path] for path in self.student)
        ).to(lesson.x.device)

    def forward(self, lesson: Lesson) -> torch.Tensor:
        parts = [
            self._head_loss(lesson, head(mean_over_places(lesson.student.features[path])))
            for path, head in zip(self.student, self.heads, strict=True)
        ]
        return torch.stack(parts).mean()

    def _head_loss(self, lesson: Lesson, said: torch.Tensor) -> torch.Tensor:
        deepest = lesson.student.outputs.detach()
        said = said.reshape(deepest.shape)
        return (1 - self.share) * lesson.task_loss(said) + self.share * softened(lesson, said, deepest)
