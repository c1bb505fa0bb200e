"""Watch: seven shoulder exercises recorded by a smartwatch (Burns et al. 2018), as the package seglearn ships them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..task import Task
from .dataset import DataSet, Source
from .only_arrays import read_pickled
from .package_file import verified
from .splits import assembled
from .windows import Recording, by_group, windowed

SOURCE = Source(
    package="seglearn",
    version="1.2.5",
    file="seglearn/data/watch_dataset.npy",
    sha256="eb122f23cdf06ef6bd6c6c5312958ec5cf9d038e2e6d457b8081662c75a42537",
    licence="BSD-3-Clause (the package's)",
)
LABELS = (  # in the set's own order: PEN, ABD, FEL, IR, ER, TRAP, ROW
    "pendulum",
    "abduction",
    "forward elevation",
    "internal rotation",
    "external rotation",
    "trapezius extension",
    "upright row",
)
TEST = ("8", "9", "10")
LARGEST = 500  # samples of a window; the shortest recording has 947


@dataclass(frozen=True, kw_only=True)
class Watch:
    """140 recordings of 10 people doing seven exercises, acceleration and rotation on six axes at 50 Hz, in windows of
    `window` samples, one every `step`.

    The split is by person: 8, 9 and 10 are the test split, one of the others, drawn by the seed, is validation.
    """

    window: int = 100
    step: int = 50

    def __post_init__(self) -> None:
        for name in ("window", "step"):
            if not 1 <= getattr(self, name) <= LARGEST:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 to {LARGEST}")

    def sources(self) -> Iterable[Path]:
        return ()

    def read(self, seed: int) -> DataSet:
        """Windows (n,1,window,6) float32; about 2,740 train, 450 validation and 1,484 test."""
        watch = read_pickled(verified(SOURCE), SOURCE.file)
        recordings = [
            Recording(np.asarray(x, np.float32), int(label), str(subject))
            for x, label, subject in zip(watch["X"], watch["y"], watch["subject"], strict=True)
        ]
        held_out = str(np.random.default_rng(seed).integers(1, 8))
        parts = by_group(recordings, {"test": TEST, "validation": (held_out,)}, {}, seed)
        splits = {name: windowed(part, self.window, self.step) for name, part in parts.items()}
        return assembled("watch", SOURCE, Task("classify", LABELS), splits, 1.0, seed)
