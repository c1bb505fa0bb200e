"""What a training minimises: the task's own loss and what the methods add to it."""

import torch
from torch import nn

from ..task import Task
from .answers import Answers
from .balance import balance
from .batches import Batch
from .guidance import Guidance, combined
from .method import Lesson, Method
from .methods.catalog import check_task, method
from .options import Training
from .taps import Tapped


class Objective(nn.Module):
    """The loss of a net on a batch. Its parameters, those of the methods, are trained beside the net's own."""

    def __init__(self, task: Task, training: Training, guidance: Guidance | None) -> None:
        super().__init__()
        self.task = task
        self.training_options = training
        self.guidance = guidance
        chosen = guidance.how.chosen if guidance else ()
        check_task(chosen, task.kind, "training")
        made = [method(choice) for choice in chosen]
        self.methods = nn.ModuleList(made)
        self.weights = [
            each.weight if choice.weight is None else choice.weight for each, choice in zip(made, chosen, strict=True)
        ]

        self.balance = balance(guidance.how.balance if guidance else "fixed", len(made) + 1)

    @property
    def taps(self) -> tuple[str, ...]:
        """The student's layers that the methods hear."""
        return tuple(dict.fromkeys(path for each in self._each() for path in each.student))

    def prepare(self, net: nn.Module, tapped: Tapped, batch: Batch, samples: int) -> None:
        """Lets the methods build what depends on sizes; the net and its running statistics stay as they are."""
        was_training = net.training
        net.eval()
        with torch.no_grad():
            lesson = self._lesson(tapped(batch.x), batch, 0.0)
        net.train(was_training)
        for each in self._each():
            each.prepare(net, lesson, samples)

    def forward(self, student: Answers, batch: Batch, progress: float) -> torch.Tensor:
        """The loss, a scalar, of what the student says of a batch."""
        lesson = self._lesson(student, batch, progress)
        if self.guidance is None:
            return lesson.task_loss(student.outputs)
        alpha = self.guidance.how.alphas.at(progress)
        parts = [alpha * weight * each(lesson) for weight, each in zip(self.weights, self._each(), strict=True)]
        found: torch.Tensor = self.balance([*parts, (1 - alpha) * lesson.task_loss(student.outputs)], student)
        return found

    def after_step(self, net: nn.Module) -> None:
        """Called when the net has taken a step."""
        for each in self._each():
            each.after_step(net)

    def _lesson(self, student: Answers, batch: Batch, progress: float) -> Lesson:
        temperature, teacher = 1.0, None
        if self.guidance:
            how = self.guidance.how
            temperature = how.temperatures.at(progress)
            teacher = combined(how.combine, batch.teachers, batch.y, self.task, temperature, batch.draw)
        mixed = (batch.partners, batch.share, self.training_options.label_smoothing)
        return Lesson(self.task, batch.x, batch.y, batch.rows, student, teacher, temperature, progress, *mixed)

    def _each(self) -> list[Method]:
        return list(self.methods)  # type: ignore[arg-type]
