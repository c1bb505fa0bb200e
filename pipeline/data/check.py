"""Dirty data is refused before the first second of training."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadData
from .dataset import SPLITS, DataSet, Split
from .labels import labelled
from .targets import check_count, check_kinds, check_numbers, check_targets

POOLED = ("train", "calibration")  # splits that may hold samples without a label


def check(dataset: DataSet) -> None:
    """BadData names every split and what is wrong with it: shape, values, labels, classes that are not there."""
    wrong = list(_faults(dataset))
    if wrong:
        raise BadData("\n  ".join(wrong))


def _faults(dataset: DataSet) -> Iterator[str]:
    """One a split; in calibration, which is a part of train, only what train has not."""
    about = dataset.about
    found = {name: _fault(f"data set {about.name}, {name}", dataset, name) for name in SPLITS}
    if found["train"]:
        found["calibration"] = None
    yield from filter(None, found.values())
    if not any(found.values()):
        known = dataset.train if about.labels is None else labelled(dataset.train)
        targets = {**{name: dataset.split(name).y for name in SPLITS}, "train": known.y}
        yield from filter(None, [_refused(check_kinds, f"data set {about.name}", targets, about.task)])


def _fault(where: str, dataset: DataSet, name: str) -> str | None:
    split, about = dataset.split(name), dataset.about
    in_samples = _refused(check_samples, where, split.x, about.preprocess.shape)
    if about.labels is not None and name in POOLED:
        split = labelled(split)
    return in_samples or _refused(check_targets, where, split, about.task)


def _refused(test: Callable[..., None], *given: Any) -> str | None:
    try:
        test(*given)
    except BadData as error:
        return str(error)
    return None


def check_samples(where: str, x: NDArray[Any], shape: tuple[int, ...]) -> None:
    """At least one sample, each of this shape, every value a finite number."""
    if x.dtype.kind not in "fiu":
        raise BadData(f"{where}: x has the type {x.dtype}; expected numbers, such as uint8 or float32")
    if not x.size:
        raise BadData(f"{where}: x is empty, its shape is {x.shape}; expected at least one sample of {shape}")
    if x.shape[1:] != shape:
        raise BadData(f"{where}: the samples in x have shape {x.shape[1:]}, expected {shape}")
    check_finite(where, x)


def check_finite(where: str, x: NDArray[Any]) -> None:
    """No nan and no infinity; BadData counts the samples that have one and names the first."""
    if x.dtype.kind != "f":
        return
    bad = np.flatnonzero(~np.isfinite(x).all(axis=tuple(range(1, x.ndim))))
    if len(bad):
        raise BadData(
            f"{where}: {len(bad)} of {len(x)} samples in x hold nan or infinity, the first is sample {bad[0]}"
        )


def check_labels(where: str, split: Split, classes: int) -> None:
    """One whole number from 0 to classes - 1 a sample."""
    check_count(where, split)
    check_numbers(where, split.y, classes)
