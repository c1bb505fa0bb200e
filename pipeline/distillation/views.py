"""Views: seeded, changed copies of the training set, the same for a teacher and all its students."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..data.dataset import DataSet, Split
from ..preprocess import Preprocess
from .augmentation import CHUNK, Augmentation, augmented


def view(dataset: DataSet, index: int, how: Augmentation) -> torch.Tensor:
    """The training set as a net is fed it in view `index`: (n,c,h,w) float32, or token ids (n,length) int32."""
    return fed(raw_view(dataset, index, how), dataset.about.preprocess)


def raw_view(dataset: DataSet, index: int, how: Augmentation) -> NDArray[Any]:
    """The training set (n,h,w,c) in view `index`, before any preprocess. View 0 is the training set itself."""
    raw = np.asarray(dataset.train.x)
    if not index:
        return raw
    return augmented(raw, how, dataset.about.preprocess, [dataset.about.seed, index])


def fed(raw: NDArray[Any], preprocess: Preprocess) -> torch.Tensor:
    """Raw samples (n,h,w,c) as a net takes them: (n,c,h,w), channels last in memory; of any other rank as they are.

    A part at a time, so that all samples are held once, not once a step of the arithmetic.
    """
    first = preprocess.apply(raw[:CHUNK])
    out = np.empty((len(raw), *first.shape[1:]), first.dtype)
    out[:CHUNK] = first
    for start in range(CHUNK, len(raw), CHUNK):
        out[start : start + CHUNK] = preprocess.apply(raw[start : start + CHUNK])
    tensor = torch.from_numpy(out)
    return tensor.permute(0, 3, 1, 2) if tensor.ndim == 4 else tensor


def targets(split: Split) -> torch.Tensor:
    """The targets as a tensor of its own: whole numbers (n,) int64, reals (n,k) float32."""
    y = np.asarray(split.y)
    return torch.from_numpy(y.astype(np.float32 if y.dtype.kind == "f" else np.int64))
