"""The user's own data: where they lie, what they are called, and what licence their owner says they have."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from ..artifact import canonical_json, digest
from ..errors import BadData
from ..own_code import own_folder
from .dataset import Source, Split

T = TypeVar("T")


def own_path(named: str) -> Path:
    """A file or folder that a recipe names: beside the recipe, else where it is from here; BadData when it is not."""
    folder = own_folder() or Path()
    try:
        path = folder / Path(named).expanduser()
        there = bool(named) and path.exists()
    except (RuntimeError, OSError, ValueError) as error:  # a user that there is not, a name without end
        raise BadData(f"{named[:100]}: no file or folder can be called that: {error}") from error
    if not there:
        raise BadData(f"{named or 'folder'}: no such file or folder in {folder.absolute()}")
    return path


def own_source(path: Path, licence: str) -> Source:
    """The source of data in a file or folder of the user's own."""
    return Source(package="", version="", file=path.resolve().name, sha256=digest(path), licence=licence)


def own_name(kind: str, source: Source, options: Any) -> str:
    """A data set's name that says what was read, and by a few digits of a digest how: `images flowers 1a2b3c4d`.

    `options` is the reader: other files, shares or sizes are another data set.
    """
    read = canonical_json([source.sha256, {**asdict(options), "folder": ""}])
    return f"{kind} {source.file} {hashlib.sha256(read.encode()).hexdigest()[:8]}"


def labels_of(where: object, parts: Mapping[str, Split], named: Sequence[str]) -> tuple[str, ...]:
    """The labels that the user named, else the numbers themselves, 0 to the highest; BadData when they are too few."""
    highest = max(int(split.y.max(initial=0)) for split in parts.values())
    if named and highest >= len(named):
        raise BadData(f"{where}: the labels go from 0 to {highest}, but `labels` names {len(named)}")
    if not named and highest >= max(2, sum(len(split) for split in parts.values())):
        raise BadData(f"{where}: a label in y is {highest}, with fewer samples than that; number the classes from 0")
    return tuple(named) or tuple(str(number) for number in range(highest + 1))


def check_shares(validation: float, test: float) -> None:
    """ValueError unless both are shares that leave something to train on."""
    for name, share in (("validation", validation), ("test", test)):
        if not 0 < share < 1:
            raise ValueError(f"{name} is {share}; it is a share of the samples, above 0 and below 1")
    if validation + test >= 1:
        raise ValueError(f"validation ({validation}) and test ({test}) leave nothing to train on")


def in_order(names: Sequence[str]) -> list[str]:
    """Sorted as a person counts: 2 before 10."""
    return sorted(names, key=lambda name: [_place(part) for part in re.split(r"(\d+)", name)])


def _place(part: str) -> tuple[int, str]:
    """Numbers come by their value, after all that is none; digits without end are text."""
    return (int(part), "") if part.isdecimal() and len(part) < 19 else (-1, part)
