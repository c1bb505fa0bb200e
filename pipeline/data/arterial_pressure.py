"""Arterial pressure: a real pulse wave with one marked anomaly (UCR anomaly archive), as the package aeon ships it."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..task import Task
from .dataset import DataSet, Source, Split
from .package_file import verified
from .splits import assembled, scaling_alike
from .windows import windows

CURE = "pip install --no-deps aeon==1.6.0"
SOURCE = Source(
    package="aeon",
    version="1.6.0",
    file="aeon/datasets/data/KDD-TSAD_135/135_UCR_Anomaly_InternalBleeding16_TEST.csv",
    sha256="fe26577b94896943e8205d04d56bf2511fe05c008df535a1ec3826adff3597e2",
    licence="BSD-3-Clause (the package's)",
)
TASK = Task("reconstruct", ("normal", "anomalous"))
PARTS = (2400, 3600)  # samples before which, in the order of time, the series trains and validates; the rest tests


@dataclass(frozen=True)
class ArterialPressure:
    """Windows of `window` samples, one every `step`, of a series of 7,501: its first part trains, the next validates,
    and the last, which holds the anomaly, tests. No window reaches into another part.

    The only real anomaly, of 12 samples, is in the test split. To validate there are made ones beside the normal
    windows: the same windows with a quarter of them, at a place drawn by the seed, played backwards.
    """

    window: int = 64
    step: int = 2

    def __post_init__(self) -> None:
        if not 16 <= self.window <= 512:
            raise ValueError(f"window is {self.window}; it must be 16 to 512")
        if not 1 <= self.step <= self.window:
            raise ValueError(f"step is {self.step}; it must be from 1 to the window, {self.window}")

    def sources(self) -> Iterable[Path]:
        return ()

    def read(self, seed: int) -> DataSet:
        """Windows (window,) float32; y is 1 where a window touches the anomaly, or holds a made one."""
        table = np.loadtxt(io.BytesIO(verified(SOURCE, CURE)), delimiter=",", skiprows=1, dtype=np.float32)
        train, validation, test = (self._windows(part[:, 1], part[:, 2]) for part in np.split(table, PARTS))
        made = reversed_stretches(validation.x, np.random.default_rng(seed))
        both = Split(np.concatenate([validation.x, made]), np.repeat(np.array([0, 1]), len(made)))
        parts = {"train": train, "validation": both, "test": test}
        own = "" if self == ArterialPressure() else f" {self.window} / {self.step}"  # other windows are other data
        return assembled(f"arterial-pressure{own}", SOURCE, TASK, parts, 1.0, seed, scaling_alike)

    def _windows(self, series: NDArray[np.float32], marked: NDArray[np.float32]) -> Split:
        x, touched = (windows(values[:, None], self.window, self.step)[:, :, 0] for values in (series, marked))
        return Split(x, np.asarray(touched.any(axis=1), np.int64))


def reversed_stretches(x: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Windows (n, length) with a quarter of each played backwards."""
    made, stretch = x.copy(), x.shape[1] // 4
    for row, start in enumerate(random.integers(0, x.shape[1] - stretch + 1, len(x))):
        made[row, start : start + stretch] = x[row, start : start + stretch][::-1]
    return made
