"""Response: the student's outputs are drawn to the teacher's, softened by a temperature or as they are."""

import torch
from torch.nn import functional

from ..method import Lesson, Method


class SoftTargets(Method):
    """T^2 * KL(softmax(teacher / T), softmax(student / T)); T^2 keeps its gradient the same size at every T.

    Hinton, Vinyals, Dean 2015, Distilling the Knowledge in a Neural Network, section 2. Reals have no temperature:
    theirs is the mean squared error, as in `MatchedLogits`.
    """

    def forward(self, lesson: Lesson) -> torch.Tensor:
        student, teacher, t = lesson.student.outputs, lesson.taught.outputs, lesson.temperature
        if lesson.task.kind != "classify":
            return functional.mse_loss(student, teacher.reshape(student.shape))
        soft = functional.kl_div(
            functional.log_softmax(student / t, dim=1),
            functional.log_softmax(teacher / t, dim=1),
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
