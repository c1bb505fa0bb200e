"""Samples of the user's own that nobody labelled: an .npz or a folder of files, as train's own samples are."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadData
from .arrays import read_arrays
from .check import check_samples
from .class_folders import files_with, read_each
from .dataset import DataSet
from .labels import with_pool
from .sample_folders import kind_of
from .texts import ENDINGS, read_text


def pooled(dataset: DataSet, path: Path, seed: int) -> DataSet:
    """The data set with the samples at `path` behind those of train: `x` (n,...) of an .npz, or the files of a folder.

    BadData when they are not of train's shape and type, or train's samples are texts and these are not.
    """
    x = _samples(dataset, path)
    wanted = dataset.train.x.dtype
    check_samples(str(path), x, dataset.about.preprocess.shape)
    if x.dtype != wanted:
        raise BadData(f"{path}: its samples are {x.dtype}, those of {dataset.about.name} {wanted}; give the same type")
    return with_pool(dataset, x, _texts(dataset, path), seed)


def _samples(dataset: DataSet, path: Path) -> NDArray[Any]:
    if path.suffix == ".npz":
        return read_arrays(path, ("x",))["x"]
    preprocess = dataset.about.preprocess
    return np.asarray(kind_of(path).unlabelled(path, preprocess.shape, preprocess))


def _texts(dataset: DataSet, path: Path) -> tuple[str, ...] | None:
    """What is written in the files of a folder, where the samples of train are texts."""
    if dataset.train.text is None:
        return None
    if not path.is_dir():
        raise BadData(f"{path}: {dataset.about.name} holds texts; give a folder of .txt files")
    return tuple(read_each(files_with(path, ENDINGS), read_text, path))
