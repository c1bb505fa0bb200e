"""Views: seeded, shifted copies of the training set, the same for a teacher and all its students."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..data.dataset import DataSet, Split
from ..preprocess import Preprocess, channels_first


def view(dataset: DataSet, index: int, shift: int) -> torch.Tensor:
    """The training set as a net is fed it in view `index`: (n,c,h,w) float32."""
    return fed(raw_view(dataset, index, shift), dataset.about.preprocess)


def raw_view(dataset: DataSet, index: int, shift: int) -> NDArray[Any]:
    """The training set (n,h,w,c) in view `index`, before any preprocess. View 0 is the training set itself.

    In the others every sample is moved by up to `shift` pixels in both directions, zeros come in from the border.
    """
    raw = np.asarray(dataset.train.x)
    if index and shift:
        random = np.random.default_rng([dataset.about.seed, index])
        raw = shifted(raw, random.integers(-shift, shift + 1, (len(raw), 2)))
    return raw


def shifted(x: NDArray[Any], moves: NDArray[np.int64]) -> NDArray[Any]:
    """Samples x (n,h,w,c), each moved by its own (down, right) of moves (n,2); what comes in is zero."""
    n, height, width, _ = x.shape
    reach = int(np.abs(moves).max(initial=0))
    padded = np.pad(x, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    rows = reach - moves[:, :1] + np.arange(height)
    columns = reach - moves[:, 1:] + np.arange(width)
    found: NDArray[Any] = padded[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return found


def fed(raw: NDArray[Any], preprocess: Preprocess) -> torch.Tensor:
    """Raw samples (n,h,w,c) as a net takes them: (n,c,h,w) float32."""
    return torch.from_numpy(channels_first(preprocess.apply(raw)))


def targets(split: Split) -> torch.Tensor:
    """The targets as a tensor of its own: whole numbers (n,) int64, reals (n,k) float32."""
    y = np.asarray(split.y)
    return torch.from_numpy(y.astype(np.float32 if y.dtype.kind == "f" else np.int64))
