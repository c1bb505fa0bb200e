"""Seeded splits: every label keeps its share in each of them, or whole groups stay together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...calibration import sets
from ..errors import BadData
from ..features.front_end import FrontEnd
from ..preprocess import Preprocess
from ..task import Task
from .dataset import About, DataSet, Source, Split

CALIBRATION = 200  # samples of train that calibrate a quantizer
CHUNK = 1 << 20  # values of a channel whose moments are taken at a time


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
    return {name: random.permutation(np.concatenate([np.zeros(0, np.int64), *part])) for name, part in parts.items()}


def grouped(groups: Sequence[Any], shares: Mapping[str, float], seed: int) -> dict[str, NDArray[np.int64]]:
    """Indices of samples by split name: all samples of a group are in one split, the last takes what is left.

    Groups come in a seeded order; each of the other splits takes one at least, and more while that brings it nearer to
    its share of the samples. BadData when there are fewer groups than splits.
    """
    names, place = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < len(shares):
        raise BadData(f"there are {len(names)} groups for {len(shares)} splits ({', '.join(map(str, names))})")
    sizes = np.bincount(place)
    waiting = np.random.default_rng(seed).permutation(len(names)).tolist()
    parts: dict[str, list[int]] = {}
    for left, (name, share) in zip(range(len(shares) - 1, 0, -1), shares.items(), strict=False):
        taken = [waiting.pop(0)]
        while len(waiting) > left and sizes[taken].sum() + sizes[waiting[0]] / 2 < share * len(place):
            taken.append(waiting.pop(0))
        parts[name] = taken
    parts[list(shares)[-1]] = waiting
    return {name: np.flatnonzero(np.isin(place, taken)) for name, taken in parts.items()}


def divided(
    name: str, source: Source, task: Task, x: NDArray[np.uint8], y: NDArray[Any], divisor: float, seed: int
) -> DataSet:
    """A data set of 70 % train, 10 % validation and 20 % test; mean and deviation are those of train."""
    whole = Split(x, y.astype(np.int64))
    return assembled(name, source, task, completed({"train": whole}, 0.1, 0.2, seed), divisor, seed)


def completed(
    given: Mapping[str, Split], validation: float, test: float, seed: int, groups: Sequence[Any] | None = None
) -> dict[str, Split]:
    """Train, validation and test, of which those that are not given are drawn from train, each label in its share.

    Both shares are of the train split as it is given, from 0 to 1. With `groups`, one for each of its samples, no group
    is in two of those that are drawn.
    """
    shares = {"test": test, "validation": validation}
    drawn = {name: share for name, share in shares.items() if name not in given}
    if not drawn:
        return dict(given)
    strata = given["train"].y
    if strata.dtype.kind not in "iu":  # reals have no classes to keep
        strata = np.zeros(len(strata), np.int64)
    shared = {**drawn, "train": 1.0}
    rows = stratified(strata, shared, seed) if groups is None else grouped(groups, shared, seed)
    return {**given, **{name: given["train"].take(part) for name, part in rows.items()}}


def assembled(
    name: str,
    source: Source,
    task: Task,
    parts: Mapping[str, Split],
    divisor: float,
    seed: int,
    fit: Callable[[NDArray[Any]], Preprocess] | None = None,
) -> DataSet:
    """A data set of its three splits: mean and deviation are those of train, and so are the calibration samples.

    `fit` finds the preprocess of training samples where `standardizing` by `divisor` is not what they need.
    """
    empty = [part for part in ("train", "validation", "test") if not len(parts[part])]
    if empty:
        raise BadData(
            f"data {name}: no sample is left for {' and '.join(empty)}; more samples or larger shares are needed"
        )
    preprocess = fit(parts["train"].x) if fit else standardizing(parts["train"].x, divisor)
    calibration = some(parts["train"], CALIBRATION, seed)
    return DataSet(About(name, seed, source, task, preprocess), calibration=calibration, **parts)


def some(split: Split, count: int, seed: int) -> Split:
    """`count` samples of a split, every label in its share; the whole split when it has no more."""
    if split.y.dtype.kind in "iu":
        return split.take(sets.stratified(split.y, count, seed))
    return split.take(sets.choose(len(split), count, seed))


def with_fewer(dataset: DataSet, count: int, seed: int) -> DataSet:
    """`count` of the training samples, every label in its share, as if there were no others; all of them for 0."""
    if not 0 < count < len(dataset.train):
        return dataset
    train = some(dataset.train, count, seed)
    return replace(dataset, train=train, calibration=some(train, CALIBRATION, seed))


def with_calibration(dataset: DataSet, count: int, seed: int) -> DataSet:
    """`count` of the training samples calibrate, every label in its share; all of them where there are no more."""
    return replace(dataset, calibration=some(dataset.train, count, seed)) if count != CALIBRATION else dataset


def standardizing(x: NDArray[Any], divisor: float) -> Preprocess:
    """The preprocess that gives these raw samples mean 0 and deviation 1 a channel, to four digits that count.

    A channel that never changes keeps its scale.
    """
    mean, deviation = _moments(x.reshape(-1, x.shape[-1]), divisor)
    return Preprocess(x.shape[1:], str(x.dtype), divisor, _plain(mean), _scales(deviation))


def standardizing_columns(x: NDArray[Any], front_end: FrontEnd | None = None) -> Preprocess:
    """As `standardizing`, of features (n,frames,columns,1), perhaps by this front end: mean and deviation a column."""
    mean, deviation = _moments(x.reshape(-1, x.shape[-2]), 1.0)
    return Preprocess(x.shape[1:], str(x.dtype), 1.0, _plain(mean), _scales(deviation), front_end)


def scaling_alike(x: NDArray[Any]) -> Preprocess:
    """As `standardizing`, of samples (n, values): a mean a value and one deviation for all of them.

    What hardly moves, such as a band of mere noise, then counts as little as it moves.
    """
    mean, deviation = _moments(x, 1.0)
    return Preprocess(
        x.shape[1:], str(x.dtype), 1.0, _plain(mean), _scales(np.sqrt((deviation**2).mean(keepdims=True)))
    )


def _plain(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(f"{value:.4g}") for value in values)


def _scales(deviations: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(value or 1.0 for value in _plain(deviations))


def _moments(values: NDArray[Any], divisor: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of each column (n, columns), a part of the rows at a time; rows with nan or infinity are for
    `check` to name.
    """
    if values.dtype.kind == "f":
        values = values[np.isfinite(values).all(axis=1)]
    if not len(values):
        return np.zeros(values.shape[1]), np.ones(values.shape[1])
    parts = np.split(values, range(CHUNK, len(values), CHUNK))
    mean = sum(part.sum(axis=0, dtype=np.float64) for part in parts) / len(values)
    squares = sum(((part - mean) ** 2).sum(axis=0) for part in parts) / len(values)
    return mean / divisor, np.sqrt(squares) / divisor
