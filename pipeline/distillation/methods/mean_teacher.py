"""Mean teacher: a student follows the running mean of its own weights, which sees the samples otherwise."""

import math

import torch
from torch import nn
from torch.nn import functional

from ..method import Lesson, Method
from ..taps import silent_copy


class MeanTeacher(Method):
    """The mean squared distance of the student's probabilities to those of its mean self, on a noisy view.

    Tarvainen, Valpola 2017, Mean teachers are better role models, section 2; it needs no labels, so they may be few.
    The mean keeps `decay` of itself a step, and less at first: no more than (1 + step) / (10 + step). Running
    statistics are averaged as weights are, and used: it is in evaluation mode. The loss rises to its full size over
    `ramp` of the training, as exp(-5 (1 - t)^2) does (section 3.1). `noise` is the deviation of what is added to
    samples, in deviations of the batch; of token ids, the share that is hidden behind 0. Reals are compared as
    they are. The paper weighs it up to 100 times the labels' loss where few of many samples have a label.
    """

    mean: nn.Module
    steps: torch.Tensor

    def __init__(self, decay: float = 0.99, ramp: float = 0.2, noise: float = 0.1) -> None:
        for name, value in (("decay", decay), ("ramp", ramp)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}; it must be from 0 to 1")
        super().__init__()
        self.decay, self.ramp, self.noise = decay, ramp, noise
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def prepare(self, net: nn.Module, lesson: Lesson, samples: int) -> None:
        self.mean = silent_copy(net).requires_grad_(False)

    def forward(self, lesson: Lesson) -> torch.Tensor:
        with torch.no_grad():
            followed = self.mean.eval()(_noisy(lesson.x, self.noise)).float()
        student = lesson.student.outputs
        if lesson.task.kind == "classify":
            student, followed = student.softmax(dim=1), followed.softmax(dim=1)
        return self._rise(lesson.progress) * functional.mse_loss(student, followed)

    def after_step(self, net: nn.Module) -> None:
        step = int(self.steps)
        kept = min(self.decay, (1 + step) / (10 + step))
        mine = self.mean.state_dict(keep_vars=True)
        with torch.no_grad():
            for name, values in net.state_dict(keep_vars=True).items():
                if values.is_floating_point():
                    mine[name].lerp_(values, 1 - kept)
                else:
                    mine[name].copy_(values)
        self.steps += 1

    def _rise(self, progress: float) -> float:
        """How much of the loss counts at this progress, 0 to 1."""
        return math.exp(-5 * (1 - progress / self.ramp) ** 2) if progress < self.ramp else 1.0


def _noisy(x: torch.Tensor, noise: float) -> torch.Tensor:
    """Another view of samples (n,...): normal noise on reals, some ids hidden behind 0."""
    if not noise:
        return x
    if x.is_floating_point():
        return x + noise * x.std() * torch.randn_like(x)
    return torch.where(torch.rand(x.shape, device=x.device) < noise, 0, x)
