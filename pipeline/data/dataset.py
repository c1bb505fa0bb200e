"""A data set: four splits of raw samples with their labels, and what a reader must know about them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..artifact import canonical_json
from ..errors import BadData, BadInput
from ..features.hashed_text import HashedBytes, HashedWords
from ..preprocess import Preprocess, preprocess_from_json
from ..task import Task, task_from_json

SPLITS = ("train", "calibration", "validation", "test")


@dataclass(frozen=True, eq=False)
class Split:
    """Raw samples x (n,h,w,c) or token ids (n,length), and targets y (n,) or (n,k), as the task wants them.

    `text` is what was written, sample by sample, where the samples are text: for teachers that read words. `files`
    names the file that each sample comes from, where it has one of its own.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    text: tuple[str, ...] | None = None
    files: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: NDArray[Any]) -> "Split":
        """The samples at these indices, in their order."""
        text, files = (None if said is None else tuple(said[row] for row in rows) for said in (self.text, self.files))
        return Split(self.x[rows], self.y[rows], text, files)


@dataclass(frozen=True)
class Source:
    """Where the samples come from: a file inside a package, of which `version` is a release that has it; or a file or
    folder of the user's own, where package and version are empty. The digest decides.
    """

    package: str
    version: str
    file: str
    sha256: str
    licence: str


@dataclass(frozen=True)
class Drawn:
    """Which split of which data: the name, the seed, and the options of the reader where they differ from its own.

    Options that name the user's own files are told by their digest alone: no path travels with a model. `labels` is how
    many of train a net saw, None where nobody knows; the same samples are the same draw with more of them or fewer.
    """

    name: str
    seed: int
    options: Mapping[str, Any] = field(default_factory=dict)
    labels: int | None = field(default=None, compare=False)

    def to_json(self) -> dict[str, Any]:
        known = {} if self.labels is None else {"labels": self.labels}
        return {"name": self.name, "seed": self.seed, "options": dict(self.options), **known}


def drawn_from_json(values: Mapping[str, Any]) -> Drawn:
    """What `Drawn.to_json` wrote."""
    labels = values.get("labels")
    options = dict(values.get("options", {}))
    return Drawn(str(values["name"]), int(values["seed"]), options, None if labels is None else int(labels))


@dataclass(frozen=True)
class About:
    """What travels with the samples: name, origin, the split's seed, what labels mean, what stands before a model.

    `labels` is how many training samples have one, the others are a pool without; None where nobody counted: all have.
    """

    name: str
    seed: int
    source: Source
    task: Task
    preprocess: Preprocess
    options: Mapping[str, Any] = field(default_factory=dict)
    labels: int | None = None

    @property
    def drawn(self) -> Drawn:
        return Drawn(self.name, self.seed, self.options, self.labels)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "seed": self.seed,
            "source": asdict(self.source),
            "task": self.task.to_json(),
            "preprocess": self.preprocess.to_json(),
            "options": dict(self.options),
            "labels": self.labels,
        }


@dataclass(frozen=True, eq=False)
class DataSet:
    """Train, validation and test share no sample; calibration is a seeded, stratified part of train.

    Choices are made on validation; test is for the report.
    """

    about: About
    train: Split
    calibration: Split
    validation: Split
    test: Split

    @property
    def outputs(self) -> int:
        """How many values a model gives for one sample."""
        return self.about.task.outputs(self.about.preprocess.shape)

    @property
    def largest_id(self) -> int | None:
        """The largest token id that there is, or that the front end can give; None where samples are not token ids."""
        if not self.about.preprocess.of_tokens:
            return None
        front_end = self.about.preprocess.front_end
        given = front_end.buckets - 1 if isinstance(front_end, HashedWords | HashedBytes) else 0
        return max(given, *(int(np.max(self.split(name).x, initial=0)) for name in SPLITS))

    def split(self, name: str) -> Split:
        """The split of that name; one of SPLITS."""
        found: Split = getattr(self, name)
        return found


def save(dataset: DataSet, folder: Path) -> None:
    """Writes x_<split>.npy and y_<split>.npy, {text,files}_<split>.json where there are such, and about.json.

    The same data set gives the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in SPLITS:
        split = dataset.split(name)
        np.save(folder / f"x_{name}.npy", np.ascontiguousarray(split.x), allow_pickle=False)
        np.save(folder / f"y_{name}.npy", np.ascontiguousarray(split.y), allow_pickle=False)
        for kind, said in (("text", split.text), ("files", split.files)):
            if said is not None:
                (folder / f"{kind}_{name}.json").write_text(json.dumps(said))
    (folder / "about.json").write_text(canonical_json(dataset.about.to_json()))


def load(folder: Path) -> DataSet:
    """The data set that `save` wrote, its arrays memory-mapped; BadData when a file is missing or damaged."""
    try:
        about = _about_from_json(json.loads((folder / "about.json").read_text()))
        return DataSet(about, **{name: _load_split(folder, name) for name in SPLITS})
    except (OSError, EOFError, ValueError, KeyError, TypeError, BadInput) as error:
        raise BadData(f"{folder}: not a data set that edgestill wrote: {error}") from error


def _load_split(folder: Path, name: str) -> Split:
    x, y = (np.load(folder / f"{axis}_{name}.npy", mmap_mode="r", allow_pickle=False) for axis in "xy")
    written = (folder / f"{kind}_{name}.json" for kind in ("text", "files"))
    return Split(x, y, *(tuple(json.loads(file.read_text())) if file.is_file() else None for file in written))


def _about_from_json(values: Mapping[str, Any]) -> About:
    return About(
        name=values["name"],
        seed=values["seed"],
        source=Source(**values["source"]),
        task=task_from_json(values["task"]),
        preprocess=preprocess_from_json(values["preprocess"]),
        options=values["options"],
        labels=values["labels"],
    )
