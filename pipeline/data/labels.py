"""Labels that are known and labels that are not: a few samples keep theirs, the rest of train is a pool without."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadData
from .dataset import DataSet, Split
from .splits import CALIBRATION, some

UNLABELLED = -1  # stands where a label is not known; a value that is not known is nan


def is_labelled(y: NDArray[Any]) -> NDArray[np.bool_]:
    """Of which samples the target is known (n,), for labels y (n,) or values (n,k)."""
    if y.dtype.kind == "f":
        return np.asarray(~np.isnan(y.reshape(len(y), -1)).any(axis=1))
    return np.asarray(y != UNLABELLED)


def labelled(split: Split) -> Split:
    """The samples of a split whose target is known; the split itself where all are."""
    known = is_labelled(np.asarray(split.y))
    return split if known.all() else split.take(np.flatnonzero(known))


def count_labelled(split: Split) -> int:
    """How many targets of a split are known."""
    return int(is_labelled(np.asarray(split.y)).sum())


def counted(dataset: DataSet) -> DataSet:
    """The data set that says how many of its training samples have a label."""
    return replace(dataset, about=replace(dataset.about, labels=count_labelled(dataset.train)))


def with_labels(dataset: DataSet, count: int, seed: int) -> DataSet:
    """Only `count` of the training samples keep their label, every label in its share; all of them for 0.

    The others stay, without: a pool for students that have a teacher. What calibrates is drawn from all of train.
    BadData when a class would be left without a label, or the task needs none.
    """
    about, train = dataset.about, dataset.train
    if not 0 < count < count_labelled(train):
        return dataset
    if about.task.kind == "reconstruct":
        raise BadData(f"data {about.name}: labelled is {count}, but what is reconstructed needs none; leave it out")
    if about.task.kind == "classify" and count < len(about.task.labels):
        raise BadData(
            f"data {about.name}: labelled is {count}, but there are {len(about.task.labels)} classes, each of which "
            "needs a label"
        )
    kept = np.zeros(len(train), np.bool_)
    kept[_chosen(train, count, seed)] = True
    y = np.array(train.y)
    y[~kept] = _unknown(y)
    return _pooled(dataset, replace(train, y=y), seed)


def with_pool(dataset: DataSet, x: NDArray[Any], text: tuple[str, ...] | None, seed: int) -> DataSet:
    """The data set with more training samples x (n,...), without labels, behind its own.

    They have the shape and the type of its own, and their text where those have one.
    """
    train, unknown = dataset.train, np.full((len(x), *dataset.train.y.shape[1:]), _unknown(dataset.train.y))
    pool = Split(
        np.concatenate([train.x, x]),
        np.concatenate([train.y, unknown.astype(train.y.dtype)]),
        None if train.text is None else (*train.text, *(text or ())),
    )
    return _pooled(dataset, pool, seed)


def _pooled(dataset: DataSet, train: Split, seed: int) -> DataSet:
    """The data set with this training set."""
    return replace(dataset, train=train, calibration=some(train, CALIBRATION, seed))


def _chosen(train: Split, count: int, seed: int) -> NDArray[np.int64]:
    """Rows of those that keep their label."""
    rows = np.flatnonzero(is_labelled(np.asarray(train.y)))
    places = Split(rows, np.asarray(train.y)[rows])
    return np.asarray(some(places, count, seed).x)


def _unknown(y: NDArray[Any]) -> float:
    return np.nan if y.dtype.kind == "f" else UNLABELLED
