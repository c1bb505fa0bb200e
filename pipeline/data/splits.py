"""Seeded, stratified splits: every class keeps its share in each of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...calibration import sets
from ..preprocess import Preprocess
from ..task import Task
from .dataset import About, DataSet, Source, Split

CALIBRATION = 200  # samples of train that calibrate a quantizer


def stratified(y: NDArray[Any], shares: Mapping[str, float], seed: int) -> dict[str, NDArray[np.int64]]:
    """Indices into y by split name, shuffled; the last split takes what the shares of the others leave.

    Every index is in exactly one split. The last share is not read.
    """
    random = np.random.default_rng(seed)
    parts: dict[str, list[NDArray[np.int64]]] = {name: [] for name in shares}
    for label in np.unique(y):
        members = random.permutation(np.flatnonzero(y == label))
        counts = [round(share * len(members)) for share in list(shares.values())[:-1]]
        for name, part in zip(shares, np.split(members, np.cumsum(counts)), strict=True):
            parts[name].append(part)
    return {name: random.permutation(np.concatenate(part)) for name, part in parts.items()}


def divided(
    name: str, source: Source, task: Task, x: NDArray[np.uint8], y: NDArray[Any], divisor: float, seed: int
) -> DataSet:
    """A data set of 70 % train, 10 % validation and 20 % test; mean and deviation are those of train."""
    y = y.astype(np.int64)
    parts = stratified(y, {"test": 0.2, "validation": 0.1, "train": 0.7}, seed)
    splits = {part: Split(x[rows], y[rows]) for part, rows in parts.items()}
    preprocess = standardizing(splits["train"].x, divisor)
    calibration = some(splits["train"], CALIBRATION, seed)
    return DataSet(About(name, seed, source, task, preprocess), calibration=calibration, **splits)


def some(split: Split, count: int, seed: int) -> Split:
    """`count` samples of a split, every label in its share; the whole split when it has no more."""
    rows = sets.stratified(split.y, count, seed)
    return Split(split.x[rows], split.y[rows])


def standardizing(x: NDArray[np.uint8], divisor: float) -> Preprocess:
    """The preprocess that gives these raw samples mean 0 and deviation 1 a channel, to four digits."""
    scaled = x.astype(np.float64) / divisor
    mean, deviation = (np.round(values, 4) for values in (scaled.mean(axis=(0, 1, 2)), scaled.std(axis=(0, 1, 2))))
    return Preprocess(x.shape[1:], str(x.dtype), divisor, tuple(mean.tolist()), tuple(deviation.tolist()))
