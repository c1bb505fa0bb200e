"""Mutual learning: students of one kind learn side by side, each from the others; none is the teacher."""

import torch
from torch import nn

from ..method import Lesson, Method
from .beside import aside, fresh
from .soft_targets import softened


class Mutual(Method):
    """The student is drawn to the softened outputs of `peers` others of its own shape, which learn as it does.

    Zhang, Xiang, Hospedales, Lu 2018, Deep Mutual Learning, equations 5 to 9, where the temperature is 1 and the labels
    count as much as the peers: alpha 0.5. A peer starts from weights of its own and minimises the task's loss and its
    distance to all the others; what it learns is no part of the student's loss, and it ends with the training.
    """

    def __init__(self, peers: int = 1) -> None:
        super().__init__()
        self.count = peers
        self.peers = nn.ModuleList()

    def prepare(self, net: nn.Module, lesson: Lesson, samples: int) -> None:
        seeds = range(1, self.count + 1)
        self.peers = nn.ModuleList(fresh(net, torch.initial_seed() + seed) for seed in seeds)

    def forward(self, lesson: Lesson) -> torch.Tensor:
        said = [lesson.student.outputs, *(peer(lesson.x).float() for peer in self.peers)]
        learned = [lesson.task_loss(outputs) + _drawn(lesson, outputs, said) for outputs in said[1:]]
        return _drawn(lesson, said[0], said) + aside(torch.stack(learned).sum())


def _drawn(lesson: Lesson, own: torch.Tensor, said: list[torch.Tensor]) -> torch.Tensor:
    """How far outputs are from those of the others, on average; the others are not drawn."""
    others = [softened(lesson, own, outputs.detach()) for outputs in said if outputs is not own]
    return torch.stack(others).mean()
