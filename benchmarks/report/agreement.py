"""How alike a student and its teacher answer the same test samples."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...pipeline.task import Task
from .reliability import log_softmax

DIGITS = 6  # that count of a value that is kept


@dataclass(frozen=True)
class Agreement:
    """Of labels: the share of samples, 0 to 1, that both give the `same` one, and the mean Kullback-Leibler
    `divergence` of the student's probabilities from the teacher's, in nats, at temperature 1. Of values: the mean
    absolute difference (`distance`) in their unit. What the task does not have is None."""

    same: float | None = None
    divergence: float | None = None
    distance: float | None = None


@dataclass(frozen=True, eq=False)
class Answered:
    """What a model said of the test samples: `Task.predictions`, and logits (n,labels) where there are labels."""

    predictions: NDArray[Any]
    logits: NDArray[np.float32] | None


def agreement(task: Task, teacher: Answered, student: Answered) -> Agreement | None:
    """Of two models on the same samples; None where samples are reconstructed, for what counts there is an order."""
    if task.kind == "regress":
        return Agreement(distance=_short(float(np.abs(student.predictions - teacher.predictions).mean())))
    if teacher.logits is None or student.logits is None:
        return None
    theirs, own = log_softmax(teacher.logits), log_softmax(student.logits)
    divergence = (np.exp(theirs) * (theirs - own)).sum(axis=1).mean()
    same = (teacher.logits.argmax(axis=1) == student.logits.argmax(axis=1)).mean()
    return Agreement(same=_short(float(same)), divergence=_short(float(divergence)))


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
