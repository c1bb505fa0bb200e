"""A teacher's answers, computed once: its outputs, and what layers of it gave, on every view of the training set."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..artifact import canonical_json
from ..data.dataset import DataSet, Split
from ..errors import BadInput
from ..progress import track
from .augmentation import Augmentation, augmentation_of
from .guidance import Guidance, Recorded
from .guiding import Guiding
from .options import Training
from .repeatable import repeatable
from .taps import EMBEDDING
from .teacher import Teacher, Told
from .views import raw_view

LIMIT = 8.0  # GB of answers that a disk takes unless it is told otherwise
CHUNK = 1024  # samples that a teacher answers at a time
OUTPUTS = ""  # the outputs among what is said, where no layer's path can be: a layer may well be called "logits"


def write_outputs(
    teacher: Teacher,
    dataset: DataSet,
    how: Augmentation,
    threads: int,
    folder: Path,
    taps: Sequence[str] = (),
    limit: float = LIMIT,
) -> None:
    """Writes logits.npy (views,n,...) float32, a features_<i>.npy alike for each of `taps`, and about.json.

    One view stands for all where the teacher sees none. BadInput when all that is more than `limit` GB.
    """
    seen = how.views if teacher.sees_views else 1
    folder.mkdir(parents=True, exist_ok=True)
    names = {OUTPUTS: "logits", **{path: f"features_{index}" for index, path in enumerate(taps)}}
    files: dict[str, NDArray[np.float32]] = {}
    with repeatable(0, threads):
        parts = _parts(teacher, dataset, seen, how, taps)
        for view, start, told in track(parts, seen * _chunks(dataset)):
            said = {OUTPUTS: told.outputs, **told.features}
            if not files:
                _refuse_too_much(said, seen * len(dataset.train), limit)
                files = {name: _file(folder / f"{names[name]}.npy", seen, dataset, said[name]) for name in names}
            for name, values in said.items():
                if not np.isfinite(values).all():
                    said_by = f"the teacher's {name or 'outputs'}"
                    raise BadInput(f"{said_by} hold nan or infinity: a student cannot learn from them")
                files[name][view, start : start + len(values)] = values
    for file in files.values():
        cast("np.memmap[Any, Any]", file).flush()
    about = {
        "augmentation": asdict(how) if teacher.sees_views else None,
        "train": _digest(dataset),
        "taps": list(taps),
    }
    (folder / "about.json").write_text(canonical_json(about))


def _file(path: Path, views: int, dataset: DataSet, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """An array (views,n,...) on the disk, for values (m,...) a chunk."""
    shape = (views, len(dataset.train), *values.shape[1:])
    return np.lib.format.open_memmap(path, "w+", np.float32, shape)


def _refuse_too_much(said: Mapping[str, NDArray[np.float32]], samples: int, limit: float) -> None:
    sizes = {name: samples * values[0].nbytes / 1e9 for name, values in said.items()}
    if sum(sizes.values()) > limit:
        largest = max(sizes, key=sizes.__getitem__)
        raise BadInput(
            f"the teacher's answers to {samples} samples would fill {sum(sizes.values()):.1f} GB, the most is "
            f"{limit:g}: {largest or 'outputs'} alone {sizes[largest]:.1f} GB; lower views, hear a smaller layer, such "
            f'as "{EMBEDDING}", or raise limit_gb under [teacher]'
        )


def _parts(
    teacher: Teacher, dataset: DataSet, views: int, how: Augmentation, taps: Sequence[str]
) -> Iterator[tuple[int, int, Told]]:
    """View after view, a chunk of samples at a time: the view, where the chunk starts, and what is said of it."""
    train = dataset.train
    for index in range(views):
        moved = Split(raw_view(dataset, index, how) if teacher.sees_views else train.x, train.y, train.text)
        for start in range(0, len(train), CHUNK):
            yield index, start, teacher.told(moved.take(np.arange(start, min(start + CHUNK, len(train)))), taps)


def _chunks(dataset: DataSet) -> int:
    return -(-len(dataset.train) // CHUNK)


def guidance(folders: Sequence[Path], dataset: DataSet, training: Training, how: Guiding) -> Guidance:
    """The teachers whose answers lie in these folders, the layers of the first of them, and how to listen."""
    taps = [how.teacher_taps, *[()] * len(folders)]
    heard = [recorded(folder, dataset, training, paths) for folder, paths in zip(folders, taps, strict=False)]
    return Guidance(heard, how)


def recorded(folder: Path, dataset: DataSet, training: Training, taps: Sequence[str] = ()) -> Recorded:
    """The teacher's answers, memory-mapped; BadInput unless they are of the views that the student sees."""
    try:
        about = json.loads((folder / "about.json").read_text())
        outputs = _mapped(folder / "logits.npy")
        places = {path: index for index, path in enumerate(about["taps"])}
        features = {path: _mapped(folder / f"features_{places[path]}.npy") for path in taps if path in places}
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
    if missing := [path for path in taps if path not in features]:
        raise BadInput(f"the teacher's layer {missing[0]!r} was not heard when its outputs were made; name it in taps")
    if seen is None:  # the same for every view
        return Recorded(_for_all(outputs, training.views), _all(features, training.views))
    _check_seen(seen, asdict(augmentation_of(training)))
    return Recorded(outputs, features)


def _mapped(path: Path) -> NDArray[np.float32]:
    found: NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    return found


def _all(features: Mapping[str, NDArray[np.float32]], views: int) -> dict[str, NDArray[np.float32]]:
    return {path: _for_all(values, views) for path, values in features.items()}


def _for_all(values: NDArray[np.float32], views: int) -> NDArray[np.float32]:
    """The one view (1,n,...) there is, for every view."""
    return np.broadcast_to(values[:1], (views, *values.shape[1:]))


def _check_seen(seen: Mapping[str, Any], sees: Mapping[str, Any]) -> None:
    """BadInput unless the student sees what the teacher saw."""
    if differ := [name for name, value in sees.items() if seen.get(name) != value]:
        name = differ[0]
        raise BadInput(
            f"the teacher's outputs are made with {name} {seen.get(name)}, but the student sees {name} {sees[name]}; "
            "give teacher and student the same augmentation"
        )


def _digest(dataset: DataSet) -> str:
    return hashlib.sha256(np.ascontiguousarray(dataset.train.x).reshape(-1).view(np.uint8).data).hexdigest()
