"""A folder with one folder a class: which files there are, in which split, with which label."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..artifact import files_within
from ..errors import BadData, BadInput
from ..progress import say, track
from .own import in_order

T = TypeVar("T")

SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
}
NAMED = 5  # files that a message names; the others are counted


@dataclass(frozen=True)
class Labelled:
    """Files of one split, in order, and the number of each one's label (n,)."""

    files: tuple[Path, ...]
    y: NDArray[np.int64]


def class_folders(folder: Path, endings: Sequence[str]) -> tuple[tuple[str, ...], dict[str, Labelled]]:
    """The labels, and by split the files with these endings: those in `folder/CLASS` are one split, train, unless there
    are `folder/train/CLASS`, `folder/test/CLASS` and perhaps `folder/validation/CLASS`.

    A class's folder is searched through. BadData when a folder has no such file, or test a class that train lacks.
    """
    splits = _split_folders(folder)
    classes = {name: _folders(where) for name, where in splits.items()}
    labels = tuple(in_order([path.name for path in classes["train"]]))
    if not labels:
        raise BadData(f"{splits['train']}: there are no folders in it; one folder a class is expected, each with files")
    unknown = sorted({path.name for paths in classes.values() for path in paths} - set(labels))
    if unknown:
        raise BadData(f"{folder}: {', '.join(unknown)} is no class of train; there are {', '.join(labels)}")
    found = {name: _labelled(paths, labels, endings) for name, paths in classes.items()}
    _check_endings(folder, endings)
    return labels, found


def files_with(folder: Path, endings: Sequence[str]) -> list[Path]:
    """The files in a folder and below that have one of these endings, in the order in which a person counts."""
    files = {
        path.relative_to(folder).as_posix(): path for path in files_within(folder) if path.suffix.lower() in endings
    }
    return [files[name] for name in in_order(list(files)) if not any(map(_hidden, Path(name).parts))]


def read_each(files: Sequence[Path], read: Callable[[Path], T], folder: Path) -> list[T]:
    """What `read` makes of every file; BadData names all those of which it raises BadInput, or the first of many."""
    made: list[T] = []
    wrong: list[str] = []
    with ThreadPoolExecutor() as threads:
        for found in track(threads.map(lambda path: _attempt(read, path), files), len(files)):
            if isinstance(found, BadInput):
                wrong.append(str(found))
            else:
                made.append(found)
    if wrong:
        more = f"\n  and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        raise BadData(
            f"{folder}: {len(wrong)} of {len(files)} files cannot be read; mend them or take them away:\n  "
            + "\n  ".join(wrong[:NAMED])
            + more
        )
    return made


def _attempt(read: Callable[[Path], T], path: Path) -> T | BadInput:
    try:
        return read(path)
    except BadInput as error:
        return error


def _split_folders(folder: Path) -> dict[str, Path]:
    """The folder itself as train, or its train and test folders; BadData when there are others beside them."""
    if not folder.is_dir():
        raise BadData(f"{folder}: not a folder")
    inside = _folders(folder)
    splits = {SPLIT_FOLDERS[path.name.lower()]: path for path in inside if path.name.lower() in SPLIT_FOLDERS}
    if "train" not in splits:
        return {"train": folder}
    others = [path.name for path in inside if path not in splits.values()]
    if others:
        raise BadData(
            f"{folder}: beside {', '.join(sorted(path.name for path in splits.values()))} there are "
            f"{', '.join(others[:NAMED])}; put every class into a split's folder, or have no split's folder"
        )
    return splits


def _labelled(paths: Iterable[Path], labels: tuple[str, ...], endings: Sequence[str]) -> Labelled:
    found: Mapping[str, list[Path]] = {path.name: files_with(path, endings) for path in paths}
    empty = [path for path in paths if not found[path.name]]
    if empty:
        raise BadData(f"{empty[0]}: there is no file in it that ends in {', '.join(endings)}")
    files = [(path, number) for number, label in enumerate(labels) for path in found.get(label, [])]
    return Labelled(tuple(path for path, _ in files), np.array([number for _, number in files], np.int64))


def _check_endings(folder: Path, endings: Sequence[str]) -> None:
    """Tells of files that are not read."""
    others = [path for path in files_within(folder) if path.suffix.lower() not in endings]
    names = [path.relative_to(folder) for path in others]
    left_out = [name.as_posix() for name in names if not any(map(_hidden, name.parts))]
    if left_out:
        more = f" and {len(left_out) - NAMED} more" if len(left_out) > NAMED else ""
        named = ", ".join(left_out[:NAMED]) + more
        say(f"{folder.name}: left out, for they do not end in {endings[0]} and the like: {named}")


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not _hidden(path.name))


def _hidden(name: str) -> bool:
    return name.startswith((".", "__")) or name.lower() in ("thumbs.db", "desktop.ini")
