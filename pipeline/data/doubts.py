"""What stops no training, but should be known before it: classes that are missing or uneven, samples of one value."""

from collections.abc import Iterator

import numpy as np

from .dataset import DataSet
from .duplicates import digests
from .labels import labelled

UNEVEN = 10  # times as many samples in the largest class as in the smallest


def doubts(dataset: DataSet) -> Iterator[str]:
    """One sentence a doubt, with the numbers that give rise to it."""
    if dataset.about.task.kind == "classify":
        yield from _missing(dataset)
        yield from _uneven(dataset)
        yield from _contradictory(dataset)
    yield from _constant(dataset)


def _missing(dataset: DataSet) -> Iterator[str]:
    labels = dataset.about.task.labels
    for name in ("validation", "test"):
        counts = np.bincount(np.asarray(dataset.split(name).y), minlength=len(labels))
        missing = [label for label, count in zip(labels, counts, strict=True) if not count]
        if missing:
            yield f"no sample of {name} is labelled {_listed(missing)}: its score says nothing of them"


def _uneven(dataset: DataSet) -> Iterator[str]:
    labels = dataset.about.task.labels
    counts = np.bincount(np.asarray(labelled(dataset.train).y), minlength=len(labels))
    most, least = int(counts.argmax()), int(counts.argmin())
    if counts[most] > UNEVEN * counts[least] > 0:
        yield (
            f"train has {counts[most]} samples of {labels[most]}, but {counts[least]} of {labels[least]}: "
            "accuracy hides what happens to the small classes"
        )


def _contradictory(dataset: DataSet) -> Iterator[str]:
    said: dict[bytes, set[int]] = {}
    known = labelled(dataset.train)
    for digest, label in zip(digests(known), known.y, strict=True):
        said.setdefault(digest, set()).add(int(label))
    count = sum(len(labels) > 1 for labels in said.values())
    if count:
        yield f"{count} samples are in train more than once, under different labels"


def _constant(dataset: DataSet) -> Iterator[str]:
    for name in ("train", "validation", "test"):
        split = dataset.split(name)
        flat = np.asarray(split.x).reshape(len(split), -1)
        rows = np.flatnonzero((flat == flat[:, :1]).all(axis=1)) if flat.shape[1] > 1 else np.zeros(0, np.int64)
        if len(rows):
            first = split.files[rows[0]] if split.files else f"sample {rows[0]}"
            yield f"{len(rows)} of {len(split)} samples of {name} hold one value throughout, the first is {first}"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
