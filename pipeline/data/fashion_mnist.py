"""Fashion-MNIST (Xiao et al. 2017): 70,000 pictures of clothes, 28x28, as Debian's dataset-fashion-mnist ships them."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import BadData, MissingTool
from ..task import Task
from .dataset import DataSet, Source, Split
from .idx import read_splits
from .own import own_path
from .splits import assembled, completed

FOLDER = "/usr/share/datasets/fashion-mnist"
SOURCE = Source(
    package="dataset-fashion-mnist (Debian)",
    version="0.0~git20200523.55506a9",
    file="{train,t10k}-{images-idx3,labels-idx1}-ubyte",
    sha256="ca3ab2a37f845e1b8ae23cab1b51749a3011ba3bf1d9016176d75cbaabac376f",
    licence="MIT",
)
LABELS = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
CURE = (
    "sudo apt install dataset-fashion-mnist, or name the folder that holds the four files, gzipped or not, "
    'with folder = "..." under [data]'
)


@dataclass(frozen=True, kw_only=True)
class FashionMnist:
    """60,000 training images, of which 5,000 are drawn for validation, and 10,000 test images in ten classes.

    `folder` holds the four IDX files, where they are not those of Debian's package.
    """

    folder: str = FOLDER

    def sources(self) -> Iterable[Path]:
        return ()

    def read(self, seed: int) -> DataSet:
        """55,000 train, 5,000 validation and 10,000 test samples, (28,28,1) uint8, 0..255; the official test."""
        folder = Path(FOLDER) if self.folder == FOLDER else own_path(self.folder)
        if not folder.is_dir():
            raise MissingTool(f"Fashion-MNIST is not in {folder}: {CURE}")
        given = read_splits(folder)
        if (found := _digest(given)) != SOURCE.sha256:
            raise BadData(
                f"{folder}: the sha-256 of its images and labels is {found[:16]}..., expected {SOURCE.sha256[:16]}... "
                f"of Fashion-MNIST: {CURE}"
            )
        parts = completed(given, validation=5 / 60, test=0, seed=seed)
        return assembled("fashion-mnist", SOURCE, Task("classify", LABELS), parts, 255.0, seed)


def _digest(given: Mapping[str, Split]) -> str:
    """Of the bytes in all the arrays, images before labels, train before test."""
    whole = hashlib.sha256()
    for name in sorted(given, reverse=True):
        whole.update(given[name].x.tobytes() + given[name].y.astype(np.uint8).tobytes())
    return whole.hexdigest()
