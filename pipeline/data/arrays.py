"""Arrays of the user's own, from an .npz or a function: which axis is which, and what the targets mean."""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import BadData, choices
from ..task import Task
from .dataset import Split
from .own import check_shares, labels_of

SUFFIXES = {"train": "", "validation": "_validation", "test": "_test"}  # of the arrays x and y of each split
NAMES = tuple(f"{array}{suffix}" for suffix in SUFFIXES.values() for array in "xy")

Axes = Literal["", "nf", "nhw", "ntc", "nct", "nhwc", "nchw"]
RANKS: Mapping[int, Axes] = {2: "nf", 4: "nhwc"}  # the axes that are meant where none are named


@dataclass(frozen=True, kw_only=True)
class ArrayOptions:
    """`x` and `y`, and where there are such `x_test`, `y_test`, `x_validation`, `y_validation`; else shares of train.

    Whole numbers y (n,) are classes, called `labels`; reals (n,) or (n,k) are values to regress, in `unit`. `axes` says
    what the axes of x are, n samples of f features, h rows, w columns, t steps in time, c channels; (n,h,w,c) where it
    has four. x in uint8 goes from 0 to 255.
    """

    axes: Axes = ""
    labels: tuple[str, ...] = ()
    unit: str = ""
    validation: float = 0.1
    test: float = 0.2
    licence: str = "yours"

    def __post_init__(self) -> None:
        check_shares(self.validation, self.test)

    def splits(self, where: str, arrays: Mapping[str, Any]) -> tuple[Task, dict[str, Split]]:
        """The splits that these arrays hold, channels last, and what their targets mean."""
        there = {suffix for suffix in SUFFIXES.values() for axis in "xy" if f"{axis}{suffix}" in arrays}
        wanted = [name for name, suffix in SUFFIXES.items() if suffix in there or not suffix]
        parts = {name: self._split(where, arrays, SUFFIXES[name]) for name in wanted}
        types = {f"x{SUFFIXES[name]}": str(split.x.dtype) for name, split in parts.items()}
        if len(set(types.values())) > 1:
            said = ", ".join(f"{name} {dtype}" for name, dtype in types.items())
            raise BadData(f"{where}: the samples are of different types ({said}); give all one type")
        return self._task(where, parts), parts

    def _split(self, where: str, arrays: Mapping[str, Any], suffix: str) -> Split:
        for name in (f"x{suffix}", f"y{suffix}"):
            if name not in arrays:
                raise BadData(f"{where}: no array is named {name!r}; there are {choices(arrays) or 'none'}")
        x, y = (_numbers(where, f"{name}{suffix}", arrays[f"{name}{suffix}"]) for name in "xy")
        if y.dtype.kind == "i" and y.ndim != 1:
            raise BadData(f"{where}: y{suffix} has shape {y.shape}; for one-hot labels give y.argmax(axis=1)")
        if 0 in x.shape[1:]:
            raise BadData(f"{where}: x{suffix} is empty, its shape is {x.shape}")
        if len(x) != len(y):
            raise BadData(f"{where}: {len(x)} samples in x{suffix}, but {len(y)} targets in y{suffix}")
        return Split(channels_last(f"{where}: x{suffix}", x, self.axes), _targets(y))

    def _task(self, where: str, parts: Mapping[str, Split]) -> Task:
        kinds = {split.y.dtype.kind for split in parts.values()}
        if len(kinds) > 1:
            raise BadData(f"{where}: some targets are whole numbers, others reals; give all of them one type")
        if kinds == {"i"}:
            if min(int(split.y.min(initial=0)) for split in parts.values()) < 0:
                raise BadData(f"{where}: the labels in y begin below 0; classes are numbered from 0")
            return Task("classify", labels_of(where, parts, self.labels), self.unit)
        width = parts["train"].y.shape[1]
        if any(split.y.shape[1] != width for split in parts.values()):
            raise BadData(f"{where}: the splits do not have equally many targets a sample")
        if self.labels and len(self.labels) != width:
            raise BadData(f"{where}: `labels` names {len(self.labels)} values, but y has {width} a sample")
        return Task("regress", self.labels or tuple(f"value {number}" for number in range(width)), self.unit)


def channels_last(where: str, x: NDArray[Any], axes: Axes = "") -> NDArray[Any]:
    """x as (n,f) or (n,h,w,c); a series becomes an image of one row, (n,1,t,c). BadData when the axes do not fit."""
    meant = axes or RANKS.get(x.ndim)
    if meant is None or len(meant) != x.ndim:
        fitting = [name for name in ("nf", "nhw", "ntc", "nct", "nhwc", "nchw") if len(name) == x.ndim]
        raise BadData(
            f"{where} has {x.ndim} axes, {x.shape}; "
            + (f'say what they are with axes = "{choices(fitting)}"' if fitting else "expected 2 to 4")
        )
    if meant == "nhw":
        return x[..., None]
    if meant in ("ntc", "nct"):
        return (x if meant == "ntc" else x.transpose(0, 2, 1))[:, None]
    return x.transpose(0, 2, 3, 1) if meant == "nchw" else x


def read_arrays(path: Path, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Those of the wanted arrays that an .npz holds, `x` at least, read without pickle.

    Every way in which that can fail is BadData.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [Path(name).stem for name in archive.namelist()]
            if "x" not in names:
                raise BadData(f"{path}: no array is named 'x'; there are {choices(names) or 'none'}")
            return {name: _array(archive, name) for name in wanted if name in names}
    except FileNotFoundError as error:
        raise BadData(f"{path}: no such file") from error
    except zipfile.BadZipFile as error:
        raise BadData(f"{path}: not an .npz file, or a damaged one ({error}); write one with numpy.savez") from error
    except BadData:
        raise
    except Exception as error:  # a hostile archive has many ways to be wrong
        raise BadData(f"{path}: cannot be read: {error}; arrays must be plain numbers, never objects") from error


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(f"{name}.npy") as file:
        found: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    if found.ndim == 0:
        raise ValueError(f"the array {name} is a single value")
    return found


def _numbers(where: str, name: str, given: Any) -> NDArray[Any]:
    """The array as uint8 where it is of bytes, else int64 or float32 (reals); BadData when it is neither."""
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise BadData(f"{where}: {name}: {error}; expected arrays of numbers") from error
    if array.dtype.kind not in "biuf" or not array.ndim:
        raise BadData(f"{where}: {name} has the type {array.dtype} and {array.ndim} axes; expected arrays of numbers")
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):  # too large for float32 becomes infinity, which is refused
            return np.ascontiguousarray(array, np.float32)
    if name.startswith("x"):
        return array if array.dtype == np.uint8 else np.ascontiguousarray(array, np.float32)
    return array.astype(np.int64)


def _targets(y: NDArray[Any]) -> NDArray[Any]:
    """Class numbers (n,), or values (n,k)."""
    return y[:, None] if y.dtype.kind == "f" and y.ndim == 1 else y
