"""Hard labels: the teacher's best guess is taken for the label."""

import torch
from torch.nn import functional

from ..method import Lesson, Method


class HardLabels(Method):
    """The cross entropy of the student's outputs with the teacher's top label; it needs no label of its own.

    Lee 2013, Pseudo-Label, equation 15, with a teacher in place of the net itself. At least the student's entropy where
    both agree, and ever less as it grows sure.
    """

    def forward(self, lesson: Lesson) -> torch.Tensor:
        return functional.cross_entropy(lesson.student.outputs, lesson.taught.outputs.argmax(dim=1))
