"""Whether targets are what the task wants: label numbers, finite reals, or which samples are not normal."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadData, choices
from ..task import Task
from .dataset import Split

KNOWN_NORMAL = ("train", "calibration")  # a model of what is normal learns from nothing else
BOTH_KINDS = ("validation", "test")


def check_targets(where: str, split: Split, task: Task) -> None:
    """One target a sample, of the task's kind; BadData says what is there instead."""
    check_count(where, split)
    if task.kind == "regress":
        check_values(where, split.y, len(task.labels))
    else:
        check_numbers(where, split.y, 2 if task.kind == "reconstruct" else len(task.labels))


def check_count(where: str, split: Split) -> None:
    """As many targets as samples."""
    if len(split.y) != len(split.x):
        raise BadData(f"{where}: {len(split.x)} samples in x, but {len(split.y)} labels in y")


def check_values(where: str, y: NDArray[Any], values: int) -> None:
    """(n, values) finite reals."""
    if y.dtype.kind != "f" or y.shape[1:] != (values,):
        raise BadData(f"{where}: y has shape {y.shape} and type {y.dtype}; expected reals (samples, {values})")
    bad = np.flatnonzero(~np.isfinite(y).all(axis=1))
    if len(bad):
        raise BadData(f"{where}: {len(bad)} of {len(y)} targets in y hold nan or infinity, the first is {bad[0]}")


def check_numbers(where: str, y: NDArray[Any], labels: int) -> None:
    """(n,) whole numbers from 0 to labels - 1."""
    if y.ndim != 1 or y.dtype.kind not in "iu":
        raise BadData(f"{where}: y has shape {y.shape} and type {y.dtype}; expected one whole number a sample")
    if len(y) and (y.min() < 0 or y.max() >= labels):
        raise BadData(
            f"{where}: the labels in y go from {y.min()} to {y.max()}; the task has {labels}, from 0 to {labels - 1}"
        )


def check_classes(where: str, y: NDArray[Any], labels: Sequence[str]) -> None:
    """Two classes at least, and of every class a sample."""
    counts = np.bincount(np.asarray(y), minlength=len(labels))
    if np.count_nonzero(counts) < 2:
        raise BadData(f"{where}: all labels are {y[0]}; a classifier needs two classes")
    empty = [label for label, count in zip(labels, counts, strict=True) if not count]
    if empty:
        if _from_one(labels, counts):
            raise BadData(
                f"{where}: no sample is labelled 0; labels are numbers from 0 on, and these go from 1 to {labels[-1]}: "
                "take 1 from each"
            )
        raise BadData(f"{where}: no sample is labelled {choices(empty)}; give samples, or take the label away")


def _from_one(labels: Sequence[str], counts: NDArray[np.int64]) -> bool:
    """Whether labels are plain numbers, of which the first alone has no sample."""
    plain = tuple(labels) == tuple(map(str, range(len(labels))))
    return plain and not counts[0] and bool(counts[1:].all())


def check_kinds(where: str, splits: Mapping[str, NDArray[Any]], task: Task) -> None:
    """Two labels at least to train on; or only normal samples there, and both kinds where they are told apart."""
    if task.kind == "classify":
        check_classes(f"{where}, train", splits["train"], task.labels)
    if task.kind != "reconstruct":
        return
    for name in KNOWN_NORMAL:
        if splits[name].any():
            raise BadData(
                f"{where}, {name}: {int(splits[name].astype(bool).sum())} of {len(splits[name])} samples are "
                "anomalous (y is 1); a model of what is normal learns from normal samples alone"
            )
    for name in BOTH_KINDS:
        if len(np.unique(splits[name])) < 2:
            raise BadData(
                f"{where}, {name}: all samples are {'anomalous' if splits[name].any() else 'normal'}; "
                "how well they are told apart needs both kinds"
            )
