"""Samples that are in two splits at once: a model would be judged on what it was trained on."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..errors import BadData
from ..progress import say
from .dataset import DataSet, Split

Duplicates = Literal["refuse", "drop", "keep"]
PAIRS = (
    ("train", "test"),
    ("validation", "test"),
    ("train", "validation"),
)  # the first of a pair is the one that gives
NAMED = 3  # pairs of samples that a message names


@dataclass(frozen=True)
class Shared:
    """Samples of one split that are, byte for byte, in another too: `rows` of the first, those of `others` there."""

    split: str
    other: str
    rows: tuple[int, ...]
    others: tuple[int, ...]


def settled(dataset: DataSet, duplicates: Duplicates) -> DataSet:
    """The data set without samples that are in two splits: BadData names them, or they are dropped, or kept and told.

    They are dropped from train before validation, and from validation before test.
    """
    found = tuple(shared(dataset))
    if not found:
        return dataset
    told = f"data {dataset.about.name}: " + "; ".join(_told(dataset, one) for one in found)
    if duplicates == "refuse":
        raise BadData(
            f"{told}. A model would be judged on what it was trained on: take them out, or say under [data] "
            'duplicates = "drop", which takes them out of train, or "keep"'
        )
    say(
        f"{told}; they are {'dropped there' if duplicates == 'drop' else 'kept: scores are better than they should be'}"
    )
    return _without(dataset, found) if duplicates == "drop" else dataset


def shared(dataset: DataSet) -> Iterator[Shared]:
    """What any two of train, validation and test share."""
    where = {name: digests(dataset.split(name)) for name in ("train", "validation", "test")}
    for split, other in PAIRS:
        places = {one: row for row, one in enumerate(where[other])}
        rows = [row for row, one in enumerate(where[split]) if one in places]
        if rows:
            yield Shared(split, other, tuple(rows), tuple(places[where[split][row]] for row in rows))


def digests(split: Split) -> list[bytes]:
    """A short digest of every sample's bytes."""
    return [hashlib.blake2b(sample.tobytes(), digest_size=16).digest() for sample in split.x]


def _told(dataset: DataSet, one: Shared) -> str:
    first, second = dataset.split(one.split), dataset.split(one.other)
    pairs = [
        f"{_name(first, row)} = {_name(second, other)}"
        for row, other in zip(one.rows[:NAMED], one.others, strict=False)
    ]
    more = ", ..." if len(one.rows) > NAMED else ""
    return f"{len(one.rows)} samples of {one.split} are in {one.other} too ({', '.join(pairs)}{more})"


def _name(split: Split, row: int) -> str:
    return split.files[row] if split.files else f"sample {row}"


def _without(dataset: DataSet, found: tuple[Shared, ...]) -> DataSet:
    """Without them in the splits that give; calibration is of train, and stays so."""
    gone = {name: [row for one in found if one.split == name for row in one.rows] for name in ("train", "validation")}
    train, validation = (_all_but(dataset.split(name), rows) for name, rows in gone.items())
    kept = set(digests(train))
    lost = [row for row, one in enumerate(digests(dataset.calibration)) if one not in kept]
    return replace(dataset, train=train, validation=validation, calibration=_all_but(dataset.calibration, lost))


def _all_but(split: Split, rows: list[int]) -> Split:
    return split.take(np.setdiff1d(np.arange(len(split)), rows))
