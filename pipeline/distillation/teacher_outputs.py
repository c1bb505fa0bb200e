"""A teacher's outputs, computed once: its logits on every view of the training set."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..artifact import canonical_json
from ..data.dataset import DataSet, Split
from ..errors import BadInput
from ..progress import track
from .augmentation import Augmentation, augmentation_of
from .batches import Guidance
from .options import Training
from .repeatable import repeatable
from .teacher import Teacher
from .views import raw_view

CHUNK = 1024  # samples that a teacher answers at a time


def write_outputs(teacher: Teacher, dataset: DataSet, how: Augmentation, threads: int, folder: Path) -> None:
    """Writes logits.npy (views,n,...) float32 and about.json; one view stands for all where the teacher sees none."""
    seen = how.views if teacher.sees_views else 1
    with repeatable(0, threads):
        parts = list(track(_parts(teacher, dataset, seen, how), seen * _chunks(dataset)))
    outputs = np.concatenate(parts)
    if not np.isfinite(outputs).all():
        raise BadInput("the teacher's outputs hold nan or infinity: a student cannot learn from them")
    folder.mkdir(parents=True, exist_ok=True)
    stacked = outputs.reshape(seen, len(dataset.train), *outputs.shape[1:])
    np.save(folder / "logits.npy", stacked, allow_pickle=False)
    about = {"augmentation": asdict(how) if teacher.sees_views else None, "train": _digest(dataset)}
    (folder / "about.json").write_text(canonical_json(about))


def _parts(teacher: Teacher, dataset: DataSet, views: int, how: Augmentation) -> Iterator[NDArray[np.float32]]:
    """View after view, a chunk of samples at a time."""
    train = dataset.train
    for index in range(views):
        moved = Split(raw_view(dataset, index, how) if teacher.sees_views else train.x, train.y, train.text)
        for start in range(0, len(train), CHUNK):
            yield teacher.outputs(moved.take(np.arange(start, min(start + CHUNK, len(train)))))


def _chunks(dataset: DataSet) -> int:
    return -(-len(dataset.train) // CHUNK)


def guidance(folder: Path, dataset: DataSet, training: Training, temperature: float, alpha: float) -> Guidance:
    """The teacher's logits, memory-mapped; BadInput unless they are of the views that the student sees."""
    try:
        about = json.loads((folder / "about.json").read_text())
        outputs: NDArray[np.float32] = np.load(folder / "logits.npy", mmap_mode="r", allow_pickle=False)
        seen, train = about["augmentation"], about["train"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{folder}: not a teacher's outputs that edgestill wrote: {error}") from error
    expected = (len(dataset.train), dataset.outputs)
    given = (outputs.shape[1], math.prod(outputs.shape[2:]))
    if given != expected or train != _digest(dataset):
        raise BadInput(
            f"the teacher's outputs are of other data: {given[0]} samples and {given[1]} values each, "
            f"but data set {dataset.about.name} trains on {expected[0]} samples for {expected[1]} values each"
        )
    if seen is None:  # the same for every view
        return Guidance(np.broadcast_to(outputs[:1], (training.views, *outputs.shape[1:])), temperature, alpha)
    _check_seen(seen, asdict(augmentation_of(training)))
    return Guidance(outputs, temperature, alpha)


def _check_seen(seen: Mapping[str, Any], sees: Mapping[str, Any]) -> None:
    """BadInput unless the student sees what the teacher saw."""
    if differ := [name for name, value in sees.items() if seen.get(name) != value]:
        name = differ[0]
        raise BadInput(
            f"the teacher's outputs are made with {name} {seen.get(name)}, but the student sees {name} {sees[name]}; "
            "give teacher and student the same augmentation"
        )


def _digest(dataset: DataSet) -> str:
    return hashlib.sha256(np.asarray(dataset.train.x).tobytes()).hexdigest()
