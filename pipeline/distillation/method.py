"""What a way of teaching is: a loss between what student and teacher say, small enough to stand beside others."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from ..task import Task
from .answers import Answers
from .loss import task_loss


@dataclass(frozen=True, eq=False)
class Lesson:
    """One batch as a method meets it: what student and teacher say of x (n,...), whose targets y are (n,) or (n,k).

    `rows` (n,) are the samples' places in the training set; `progress` runs from 0 to 1 over the training. A method
    that needs no teacher may be given none. Where a target is -1 the label is not known. Of mixed samples, `share` is
    the part that y has in each, the rest is that of the target in `partners`.
    """

    task: Task
    x: torch.Tensor
    y: torch.Tensor
    rows: torch.Tensor
    student: Answers
    teacher: Answers | None
    temperature: float = 1.0
    progress: float = 0.0
    partners: torch.Tensor | None = None
    share: float = 1.0
    label_smoothing: float = 0.0

    def task_loss(self, outputs: torch.Tensor) -> torch.Tensor:
        """The task's own loss of outputs (n,...) for x, whoever gave them; of mixed samples, that of both targets."""
        loss = task_loss(self.task, outputs, self.x, self.y, self.label_smoothing)
        if self.partners is None:
            return loss
        other = task_loss(self.task, outputs, self.x, self.partners, self.label_smoothing)
        return self.share * loss + (1 - self.share) * other

    @property
    def taught(self) -> Answers:
        """The teacher's answers, where a method cannot do without."""
        assert self.teacher is not None
        return self.teacher


class Method(nn.Module):
    """A loss, zero or at its least where student and teacher agree; the mean over the batch.

    Its own parameters (connectors, critics, peers) are trained beside the student's and never leave the training.
    Whatever it remembers from step to step is a parameter, a buffer, or a module made in `prepare`, and whatever it
    draws comes from torch's own random numbers: so a training that was killed goes on to the same weights.
    `student` and `teacher` are the paths of the layers that it hears; in an `__init__` they are options of these names.
    `weight` is what it is multiplied by unless a recipe says otherwise: as its paper or RepDistiller (Tian et al. 2020)
    has it.
    """

    weight: ClassVar[float] = 1.0

    def __init__(self, student: tuple[str, ...] = (), teacher: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.student, self.teacher = tuple(student), tuple(teacher)

    def prepare(self, net: nn.Module, lesson: Lesson, samples: int) -> None:
        """Builds what depends on the sizes in a first lesson; the training set has so many samples."""

    def forward(self, lesson: Lesson) -> torch.Tensor:
        """The loss, a scalar."""
        raise NotImplementedError

    def after_step(self, net: nn.Module) -> None:
        """Called when the student `net` has taken a step."""

    def heard(self, lesson: Lesson) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """The features of student and teacher, pair by pair as the paths name them."""
        pairs = zip(self.student, self.teacher, strict=True)
        return [(lesson.student.features[own], lesson.taught.features[theirs]) for own, theirs in pairs]
