"""Samples for a model that we did not train: from a data set by name, from a folder, or from an .npz file."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import BadData, choices
from ..preprocess import Preprocess
from ..task import Task
from .arrays import read_arrays
from .catalog import NAMES, read_data
from .check import check_finite, check_labels, check_samples
from .dataset import SPLITS, DataSet, Drawn, Split, load
from .sample_folders import has_classes, kind_of
from .targets import check_count, check_values

Layout = Literal["channels-first", "channels-last"]
SplitName = Literal["train", "calibration", "validation", "test"]


@dataclass(frozen=True, eq=False)
class Samples:
    """What a model is fed: x (n, *sample) float32, channels last, or token ids int32; labels and task where known.

    `drawn` is which split of which data they are of, None for samples out of an .npz.
    """

    x: NDArray[Any]
    y: NDArray[Any] | None
    task: Task | None
    drawn: Drawn | None = None

    def __len__(self) -> int:
        return len(self.x)


def read_samples(
    data: str,
    shape: tuple[int, ...],
    layout: Layout | None = None,
    split: SplitName = "calibration",
    preprocess: Preprocess | None = None,
    known: Drawn | None = None,
    tokens: bool = False,
) -> Samples:
    """Samples that fit a model whose input has `shape` with its batch axis, channels last: (1,h,w,c) or (1,features);
    or (1,1,t,c), an image of one row, where x may be (n,c,t) or (n,t,c).

    `data` is a data set's name, split as the model's training drew it where that is `known`, or the folder of a
    prepared one, of which `split` is taken; or a folder of files, labelled by the folders in it or not; or an .npz with
    `x` and perhaps `y`. The model's own `preprocess`, where it is known, is applied to raw samples: a data set's, those
    in files, or uint8 in an .npz. With `tokens` the model takes token ids: integers, of any type in an .npz. BadData
    says what is wrong, and demands `layout` when x could be meant in both.
    """
    path = Path(data)
    if path.suffix == ".npz":
        return from_npz(path, shape, layout, preprocess, tokens)
    if (path / "about.json").is_file():
        return _from_dataset(load(path), shape, split, preprocess)
    known = known if known and known.name == data else None
    if data in NAMES:
        return _from_dataset(_as_known(data, known), shape, split, preprocess)
    if path.is_dir():
        return _from_folder(path, shape, split, preprocess, known.seed if known else 0)
    raise BadData(f"{data!r} is neither an .npz file nor a folder nor a data set; data sets are {choices(NAMES, data)}")


def _as_known(name: str, known: Drawn | None) -> DataSet:
    """The data set of that name with the options, and split by the seed, that a model was trained with."""
    if known is None or "sha256" in known.options:  # the user's own files, of which a model does not say where they lie
        return read_data(name, known.seed if known else 0)
    dataset = read_data(name, known.seed, known.options)
    return replace(dataset, about=replace(dataset.about, options=known.options))


def from_npz(
    path: Path,
    shape: tuple[int, ...],
    layout: Layout | None = None,
    preprocess: Preprocess | None = None,
    tokens: bool = False,
) -> Samples:
    """The samples in an .npz: `x` float or uint8, in the model's own layout or channels last, and perhaps `y`.

    For a model that takes `tokens`, x holds integers.
    """
    arrays = read_arrays(path, ("x", "y"))
    x = arrays["x"]
    _check_type(path, x, tokens)
    x = _channels_last(str(path), x, shape[1:], layout)
    check_samples(str(path), x, shape[1:])
    if tokens:
        return Samples(_to_int32(path, x), _targets(path, arrays.get("y"), x), task=None)
    fed = preprocess.apply(x) if preprocess and x.dtype == np.uint8 else _to_float32(x)
    check_finite(f"{path} as float32", fed)
    return Samples(fed, _targets(path, arrays.get("y"), fed), task=None)


def _from_dataset(dataset: DataSet, shape: tuple[int, ...], split: SplitName, preprocess: Preprocess | None) -> Samples:
    about = dataset.about
    if about.preprocess.shape != shape[1:]:
        raise BadData(
            f"data set {about.name}: its samples have shape {about.preprocess.shape}, the model takes {shape[1:]}"
        )
    if split not in SPLITS:
        raise BadData(f"data set {about.name}: no split is named {split!r}; there are {choices(SPLITS)}")
    part = dataset.split(split)
    return Samples((preprocess or about.preprocess).apply(part.x), np.asarray(part.y), about.task, about.drawn)


def _from_folder(
    folder: Path, shape: tuple[int, ...], split: SplitName, preprocess: Preprocess | None, seed: int
) -> Samples:
    """The samples in files of a folder: a split of them where they lie in classes, else all of them, without labels."""
    kind = kind_of(folder)
    meant = preprocess or kind.raw(folder, shape[1:])
    if has_classes(folder, kind):
        return _from_dataset(kind.labelled(folder, shape[1:], preprocess).read(seed), shape, split, meant)
    return Samples(meant.apply(kind.unlabelled(folder, shape[1:], preprocess)), y=None, task=None)


def _check_type(path: Path, x: NDArray[Any], tokens: bool) -> None:
    if tokens and x.dtype.kind not in "iu":
        raise BadData(f"{path}: x has the type {x.dtype}; the model takes token ids, integers such as int32")
    if not tokens and x.dtype.kind != "f" and x.dtype != np.uint8:
        raise BadData(f"{path}: x has the type {x.dtype}; expected float32, or uint8 for raw samples")


def _to_int32(path: Path, x: NDArray[Any]) -> NDArray[np.int32]:
    if x.max() > np.iinfo(np.int32).max or x.min() < 0:
        raise BadData(f"{path}: the token ids in x go from {x.min()} to {x.max()}; expected ids from 0, within int32")
    return np.ascontiguousarray(x, np.int32)


def _to_float32(x: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # too large for float32 becomes infinity, which is refused
        return np.ascontiguousarray(x, np.float32)


def _targets(path: Path, y: NDArray[Any] | None, x: NDArray[Any]) -> NDArray[Any] | None:
    """Labels (n,) int64, or values (n,k) float64 where y holds reals."""
    if y is None:
        return None
    if y.dtype.kind == "f":
        check_count(str(path), Split(x, y))
        check_values(str(path), y := y.reshape(len(y), -1), y.shape[1])
        return y.astype(np.float64)
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
