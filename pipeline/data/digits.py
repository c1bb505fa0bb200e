"""Digits: 1,797 handwritten digits, 8x8 with values 0..16, as the package scikit-learn ships them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..task import Task
from .dataset import DataSet, Source
from .package_file import read_table
from .splits import divided

SOURCE = Source(
    package="scikit-learn",
    version="1.9.1",
    file="sklearn/datasets/data/digits.csv.gz",
    sha256="09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22",
    licence="BSD-3-Clause (the package's)",
)
TASK = Task("classify", tuple("0123456789"))


@dataclass(frozen=True)
class Digits:
    """1,797 digits in ten classes."""

    def sources(self) -> Iterable[Path]:
        return ()

    def read(self, seed: int) -> DataSet:
        """About 1,258 train, 180 validation and 359 test samples, (8,8,1) uint8, 0..16."""
        table = read_table(SOURCE)
        return divided("digits", SOURCE, TASK, table[:, :-1].reshape(-1, 8, 8, 1), table[:, -1], 16.0, seed)
