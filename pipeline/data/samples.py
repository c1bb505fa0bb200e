"""Samples for a model that we did not train: from a data set by name, from a folder of ours, or from an .npz file."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import BadData, choices
from ..preprocess import Preprocess
from ..task import Task
from .catalog import NAMES, read_data
from .check import check_finite, check_labels, check_samples
from .dataset import SPLITS, DataSet, Split, load

Layout = Literal["channels-first", "channels-last"]
SplitName = Literal["train", "calibration", "validation", "test"]


@dataclass(frozen=True, eq=False)
class Samples:
    """What a model is fed: x (n, *sample) float32, channels last; labels and task where they are known.

    `drawn` is the data set's name and the seed of its split, None for samples out of an .npz.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64] | None
    task: Task | None
    drawn: tuple[str, int] | None = None

    def __len__(self) -> int:
        return len(self.x)


def read_samples(
    data: str,
    shape: tuple[int, ...],
    layout: Layout | None = None,
    split: SplitName = "calibration",
    preprocess: Preprocess | None = None,
    seed: int = 0,
) -> Samples:
    """Samples that fit a model whose input has `shape` with its batch axis, channels last: (1,h,w,c) or (1,features);
    or (1,1,t,c), an image of one row, where x may be (n,c,t) or (n,t,c).

    `data` is a data set's name, split by `seed`, or the folder of a prepared one, of which `split` is taken; or an .npz
    with `x` and perhaps `y`. The model's own `preprocess`, where it is known, is applied to raw samples: a data set's,
    or uint8 in an .npz. BadData says what is wrong, and demands `layout` when x could be meant in both.
    """
    path = Path(data)
    if path.suffix == ".npz":
        return from_npz(path, shape, layout, preprocess)
    if (path / "about.json").is_file():
        return _from_dataset(load(path), shape, split, preprocess)
    if data in NAMES:
        return _from_dataset(read_data(data, seed), shape, split, preprocess)
    raise BadData(
        f"{data!r} is neither an .npz file nor a prepared folder nor a data set; data sets are {choices(NAMES)}"
    )


def from_npz(
    path: Path, shape: tuple[int, ...], layout: Layout | None = None, preprocess: Preprocess | None = None
) -> Samples:
    """The samples in an .npz: `x` float or uint8, in the model's own layout or channels last, and perhaps `y`."""
    arrays = _arrays(path)
    x = arrays["x"]
    if x.dtype.kind != "f" and x.dtype != np.uint8:
        raise BadData(f"{path}: x has the type {x.dtype}; expected float32, or uint8 for raw samples")
    x = _channels_last(str(path), x, shape[1:], layout)
    check_samples(str(path), x, shape[1:])
    fed = preprocess.apply(x) if preprocess and x.dtype == np.uint8 else _to_float32(x)
    check_finite(f"{path} as float32", fed)
    return Samples(fed, _labels(path, arrays.get("y"), fed), task=None)


def _from_dataset(dataset: DataSet, shape: tuple[int, ...], split: SplitName, preprocess: Preprocess | None) -> Samples:
    about = dataset.about
    if about.preprocess.shape != shape[1:]:
        raise BadData(
            f"data set {about.name}: its samples have shape {about.preprocess.shape}, the model takes {shape[1:]}"
        )
    if split not in SPLITS:
        raise BadData(f"data set {about.name}: no split is named {split!r}; there are {choices(SPLITS)}")
    part = dataset.split(split)
    return Samples(
        (preprocess or about.preprocess).apply(part.x), np.asarray(part.y), about.task, (about.name, about.seed)
    )


def _to_float32(x: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # too large for float32 becomes infinity, which is refused
        return np.ascontiguousarray(x, np.float32)


def _labels(path: Path, y: NDArray[Any] | None, x: NDArray[Any]) -> NDArray[np.int64] | None:
    if y is None:
        return None
    check_labels(str(path), Split(x, y), classes=np.iinfo(np.int64).max)
    return y.astype(np.int64)


def _channels_last(where: str, x: NDArray[Any], sample: tuple[int, ...], layout: Layout | None) -> NDArray[Any]:
    """x with its channels last; BadData when its shape fits in no layout, or in both and none was named.

    Samples for an image of one row may leave the row out.
    """
    if x.ndim == len(sample) == 3 and sample[0] == 1:
        return _channels_last(where, x, sample[1:], layout)[:, None]
    first = (sample[-1], *sample[:-1])
    if x.ndim != len(sample) + 1:
        raise BadData(
            f"{where}: x has {x.ndim} axes, {x.shape}; expected {len(sample) + 1}: (samples, {_spelled(sample)})"
        )
    shapes: dict[Layout, tuple[int, ...]] = {"channels-last": sample, "channels-first": first}
    fitting = [name for name, fits in shapes.items() if x.shape[1:] == fits and layout in (None, name)]
    if not fitting:
        expected = " or ".join(
            dict.fromkeys(f"{fits} ({name})" for name, fits in shapes.items() if layout in (None, name))
        )
        raise BadData(f"{where}: the samples in x have shape {x.shape[1:]}; the model takes {expected}")
    if len(fitting) > 1 and max(sample) > 1 and len(sample) > 1:
        raise BadData(f"{where}: x {x.shape} fits channels-first and channels-last alike; say which with --layout")
    return np.moveaxis(x, 1, -1) if fitting == ["channels-first"] else x


def _spelled(shape: tuple[int, ...]) -> str:
    return ", ".join(str(length) for length in shape)


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays `x` and `y` of an .npz, read without pickle; every way in which that can fail is BadData."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [Path(name).stem for name in archive.namelist()]
            if "x" not in names:
                raise BadData(f"{path}: no array is named 'x'; there are {choices(names) or 'none'}")
            return {name: _array(archive, name) for name in ("x", "y") if name in names}
    except FileNotFoundError as error:
        raise BadData(f"{path}: no such file") from error
    except zipfile.BadZipFile as error:
        raise BadData(f"{path}: not an .npz file, or a damaged one ({error}); write one with numpy.savez") from error
    except Exception as error:  # a hostile archive has many ways to be wrong
        raise BadData(f"{path}: cannot be read: {error}; arrays must be plain numbers, never objects") from error


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(f"{name}.npy") as file:
        found: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    if found.ndim == 0:
        raise ValueError(f"the array {name} is a single value")
    return found
