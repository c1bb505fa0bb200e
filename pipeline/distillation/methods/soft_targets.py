"""Response: the student's outputs are drawn to the teacher's, softened by a temperature or as they are."""

import torch
from torch.nn import functional

from ..method import Lesson, Method


class SoftTargets(Method):
    """The student's softened outputs are drawn to the teacher's, as `softened` has it."""

    def forward(self, lesson: Lesson) -> torch.Tensor:
        return softened(lesson, lesson.student.outputs, lesson.taught.outputs)


def softened(lesson: Lesson, own: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    """T^2 * KL(softmax(theirs / T), softmax(own / T)); T^2 keeps its gradient the same size at every T.

    Hinton, Vinyals, Dean 2015, Distilling the Knowledge in a Neural Network, section 2. Reals have no temperature:
    theirs is the mean squared error, as in `MatchedLogits`.
    """
    if lesson.task.kind != "classify":
        return functional.mse_loss(own, theirs.reshape(own.shape))
    t = lesson.temperature
    soft = functional.kl_div(
        functional.log_softmax(own / t, dim=1),
        functional.log_softmax(theirs / t, dim=1),
        reduction="batchmean",
        log_target=True,
    )
    return t**2 * soft


class MatchedLogits(Method):
    """The mean squared error between the outputs themselves (Ba, Caruana 2014, Do Deep Nets Really Need to be Deep?,
    section 2.2; Kim et al. 2021 find it better than KL for classes too)."""

    def forward(self, lesson: Lesson) -> torch.Tensor:
        student = lesson.student.outputs
        return functional.mse_loss(student, lesson.taught.outputs.reshape(student.shape))
