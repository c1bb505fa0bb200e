"""IDX: the file format of MNIST and its relatives, one array a file, and folders of such files."""

import gzip
import math
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import BadData
from ..task import Task
from .dataset import DataSet, Split
from .own import check_shares, labels_of, own_name, own_path, own_source
from .splits import assembled, completed

FILES = {"train": ("train",), "validation": ("validation", "val"), "test": ("t10k", "test")}  # split -> how files begin


@dataclass(frozen=True, kw_only=True)
class Idx:
    """A folder of IDX files as MNIST has them, gzipped or not: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
    and `t10k-` or `test-` for the test split, which is drawn from train where there is none; likewise `validation-`.

    `validation` and `test` are shares of train; `labels` says what the numbers mean.
    """

    folder: str
    labels: tuple[str, ...] = ()
    validation: float = 0.1
    test: float = 0.2
    licence: str = "yours"

    def __post_init__(self) -> None:
        check_shares(self.validation, self.test)

    def sources(self) -> Iterable[Path]:
        return (own_path(self.folder),)

    def read(self, seed: int) -> DataSet:
        """Images (n,h,w,1), or (n,h,w,c) where the files have four axes, uint8."""
        folder = own_path(self.folder)
        source = own_source(folder, self.licence)
        parts = completed(read_splits(folder), self.validation, self.test, seed)
        task = Task("classify", labels_of(folder, parts, self.labels))
        return assembled(own_name("idx", source, self), source, task, parts, 255.0, seed)


def read_splits(folder: Path) -> dict[str, Split]:
    """The splits whose images and labels lie in the folder; BadData without those of train."""
    found = {name: split for name, starts in FILES.items() for split in _split(folder, starts)}
    if "train" not in found:
        raise BadData(
            f"{folder}: there is no train-images-idx3-ubyte, gzipped or not, with its train-labels-idx1-ubyte"
        )
    return found


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array of unsigned bytes in an IDX file; BadData when it holds another type, or less or more than it says."""
    raw = _unpacked(path)
    if len(raw) < 4 or raw[:2] != b"\0\0" or len(raw) < 4 + 4 * raw[3]:
        raise BadData(f"{path}: not an IDX file: it begins with {raw[:4].hex(' ') or 'nothing'}")
    if raw[2] != 8:
        raise BadData(f"{path}: its values have the IDX type {raw[2]:#x}; unsigned bytes (0x8) are read")
    shape = struct.unpack(f">{raw[3]}I", raw[4 : 4 + 4 * raw[3]])
    start = 4 + 4 * raw[3]
    if not shape or math.prod(shape) != len(raw) - start:
        raise BadData(f"{path}: damaged: it says {shape}, {math.prod(shape)} bytes, but {len(raw) - start} follow")
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def _unpacked(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise BadData(f"{path}: cannot be read: {error}") from error


def _split(folder: Path, starts: tuple[str, ...]) -> Iterator[Split]:
    images, labels = (_file(folder, starts, what) for what in ("images", "labels"))
    if not (images and labels):
        present = images or labels
        if present and starts[0] != "train":
            raise BadData(f"{folder}: {present.name} has no partner; a split needs its images and its labels")
        return
    x, y = read_idx(images), read_idx(labels)
    if x.ndim not in (3, 4) or y.ndim != 1 or len(x) != len(y):
        raise BadData(
            f"{folder}: {images.name} has the shape {x.shape} and {labels.name} {y.shape}; "
            "expected (n, height, width) or (n, height, width, channels), and (n)"
        )
    yield Split(x if x.ndim == 4 else x[..., None], y.astype(np.int64))


def _file(folder: Path, starts: tuple[str, ...], what: Literal["images", "labels"]) -> Path | None:
    found = [path for start in starts for path in sorted(folder.glob(f"{start}-{what}[-.]idx*"))]
    names = {path.name.removesuffix(".gz") for path in found}
    if len(names) > 1:
        raise BadData(f"{folder}: there are {', '.join(sorted(names))}, and only one of them can be read")
    return found[0] if found else None
