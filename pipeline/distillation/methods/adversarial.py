"""Adversarial: a critic learns to tell the student from its teacher, and the student to be taken for it."""

import math
from typing import Any, ClassVar

import torch
from torch import nn
from torch.nn import functional

from ..method import Lesson, Method
from .places import mean_over_places


class Adversarial(Method):
    """A critic of three dense layers, `hidden` wide, hears outputs beside the label and says who gave them.

    Goodfellow et al. 2014, Generative Adversarial Nets; on a teacher's and a student's outputs Xu, Hsu, Huang 2018,
    Training Shallow and Thin Networks for Acceleration via Knowledge Distillation with Conditional Adversarial
    Networks, here conditioned on the label as Mirza and Osindero (2014) do. The critic's gradient is reversed where it
    meets the student (Ganin, Lempitsky 2015), so that one step serves both.
    The value is what the critic is better by than one that guesses, not below 0: with the best of critics twice the
    Jensen-Shannon divergence of the two, 0 where they cannot be told apart.
    """

    weight: ClassVar[float] = 0.03  # more, and a small student hears the critic alone

    def __init__(self, hidden: int = 64) -> None:
        super().__init__()
        self.hidden = hidden
        self.critic = nn.Sequential()

    def prepare(self, net: nn.Module, lesson: Lesson, samples: int) -> None:
        self.critic = critic(lesson.taught.outputs[0].numel() + _condition(lesson).shape[1], self.hidden)
        self.critic.to(lesson.x.device)

    def forward(self, lesson: Lesson) -> torch.Tensor:
        student = lesson.student.outputs.flatten(1)
        return told_apart(self.critic, student, lesson.taught.outputs.reshape(student.shape), _condition(lesson))


class AdversarialFeatures(Method):
    """The same for what layers give, as means over all places: a critic a pair, `hidden` wide, which hears the
    student's through a linear connector where their widths differ. The connector is the student's: it misleads."""

    weight: ClassVar[float] = 0.03

    def __init__(
        self, student: tuple[str, ...] = ("embedding",), teacher: tuple[str, ...] = ("embedding",), hidden: int = 64
    ) -> None:
        super().__init__(student, teacher)
        self.hidden = hidden
        self.critics, self.connectors = nn.ModuleList(), nn.ModuleList()

    def prepare(self, net: nn.Module, lesson: Lesson, samples: int) -> None:
        condition = _condition(lesson).shape[1]
        for own, theirs in self.heard(lesson):
            widths = mean_over_places(own).shape[1], mean_over_places(theirs).shape[1]
            self.connectors.append(nn.Identity() if widths[0] == widths[1] else nn.Linear(*widths))
            self.critics.append(critic(widths[1] + condition, self.hidden))
        self.to(lesson.x.device)

    def forward(self, lesson: Lesson) -> torch.Tensor:
        condition = _condition(lesson)
        each = zip(self.critics, self.connectors, self.heard(lesson), strict=True)
        parts = [
            told_apart(critic, connector(mean_over_places(own)), mean_over_places(theirs), condition)
            for critic, connector, (own, theirs) in each
        ]
        return torch.stack(parts).mean()


def critic(inputs: int, hidden: int) -> nn.Sequential:
    """(n,inputs) -> (n,1), above 0 for the teacher's; it begins without an opinion."""
    last = nn.Linear(hidden, 1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, hidden), nn.LeakyReLU(0.2), last
    )


def told_apart(
    critic: nn.Module, student: torch.Tensor, teacher: torch.Tensor, condition: torch.Tensor
) -> torch.Tensor:
    """How far a critic's error for (n,k) of each is below that of guessing; its gradient mends the critic, and the
    student against it."""
    reversed_student: torch.Tensor = _Reversed.apply(student)  # type: ignore[no-untyped-call]
    fake = critic(torch.cat([reversed_student, condition], dim=1))
    real = critic(torch.cat([teacher, condition], dim=1))
    error = functional.softplus(-real).mean() + functional.softplus(fake).mean()
    better = (2 * math.log(2) - error.detach()).clamp_min(0)
    return error - error.detach() + better


def _condition(lesson: Lesson) -> torch.Tensor:
    """The labels as (n,classes) of one and zeros, all zeros where a label is not known; (n,0) of other tasks."""
    if lesson.task.kind != "classify":
        return lesson.student.outputs.new_zeros(len(lesson.x), 0)
    classes = lesson.student.outputs.shape[1]
    known = (lesson.y >= 0)[:, None]
    return (functional.one_hot(lesson.y.clamp_min(0), classes) * known).to(lesson.student.outputs.dtype)


class _Reversed(torch.autograd.Function):
    """The same values; the gradient turned round."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        return -gradients[0]
