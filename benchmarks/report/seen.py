"""What the first seed's files say of each test sample, as a report keeps it: for paired intervals and for pictures."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...pipeline.task import Task
from .document import Confusion, Scatter
from .variant import Judged

DIGITS = 6  # that count of a value that is kept
DRAWN = 1500  # samples of a scatter


def judged(task: Task, predictions: Sequence[Any], targets: NDArray[Any]) -> Judged:
    """Sample by sample, what `predictions` (as `Task.predictions`) are worth against the targets (n,) or (n,k)."""
    values = task.judged(np.asarray(predictions), np.asarray(targets))
    anomalous = tuple(int(one) for one in targets) if task.kind == "reconstruct" else None
    return Judged(tuple(map(_short, values.tolist())), anomalous)


def confusion(file: str, task: Task, predictions: Sequence[Any], targets: NDArray[Any]) -> Confusion | None:
    """How many samples of each label were given which; None where there are no labels to tell apart."""
    if task.kind != "classify":
        return None
    counts = np.zeros((len(task.labels),) * 2, np.int64)
    np.add.at(counts, (np.asarray(targets), np.asarray(predictions)), 1)
    return Confusion(file, task.labels, tuple(tuple(int(count) for count in one) for one in counts))


def scatter(file: str, task: Task, predictions: Sequence[Any], targets: NDArray[Any]) -> Scatter | None:
    """True and predicted values, the same share of all samples where there are too many; None but for values."""
    if task.kind != "regress":
        return None
    step = -(-len(targets) // DRAWN)
    true, told = (np.asarray(values, np.float64).reshape(len(targets), -1)[::step] for values in (targets, predictions))
    return Scatter(file, task.labels, task.unit, *(_columns(values) for values in (true, told)))


def _columns(values: NDArray[np.float64]) -> tuple[tuple[float, ...], ...]:
    """One tuple a value that the model gives."""
    return tuple(tuple(map(_short, column)) for column in values.T.tolist())


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
