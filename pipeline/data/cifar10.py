"""CIFAR-10 (Krizhevsky 2009): 60,000 colour images, 32x32, from its binary version in a folder of the user's."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import BadData
from ..task import Task
from .dataset import DataSet, Split
from .images import Images
from .own import own_name, own_path, own_source
from .splits import assembled, completed

LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
RECORD = 1 + 3 * 32 * 32  # a label, then the red, the green and the blue plane
CURE = (
    "unpack cifar-10-binary.tar.gz (https://www.cs.toronto.edu/~kriz/cifar.html) there, or give a folder with "
    'train/CLASS/*.png and test/CLASS/*.png; where it lies is folder = "..." under [data]'
)
LICENCE = "none stated by its authors; cite Krizhevsky 2009"


@dataclass(frozen=True, kw_only=True)
class Cifar10:
    """50,000 training images, a share of which is drawn for `validation`, and 10,000 test images in ten classes.

    `folder` holds the binary version, data_batch_1.bin to data_batch_5.bin and test_batch.bin, or the images as files
    in train/CLASS and test/CLASS. The python version's pickles are never opened.
    """

    folder: str = "cifar-10-batches-bin"
    validation: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.validation < 1:
            raise ValueError(f"validation is {self.validation}; it is a share of train, above 0 and below 1")

    def sources(self) -> Iterable[Path]:
        return (self._path(),)

    def read(self, seed: int) -> DataSet:
        """45,000 train, 5,000 validation and 10,000 test samples, (32,32,3) uint8, 0..255; the official test."""
        folder = self._path()
        batches = sorted(folder.glob("data_batch_*.bin"))
        if not batches and (folder / "train").is_dir():
            return Images(folder=self.folder, validation=self.validation, licence=LICENCE).read(seed)
        test = folder / "test_batch.bin"
        if not batches or not test.is_file():
            pickled = " (those of the python version are pickles, which can run anything)" * any(
                folder.glob("data_batch_?")
            )
            raise BadData(f"{folder}: there is no data_batch_1.bin with test_batch.bin in it{pickled}: {CURE}")
        given = {"train": read_batches(batches), "test": read_batches([test])}
        source = own_source(folder, LICENCE)
        name = own_name("cifar10", source, self)
        return assembled(
            name, source, Task("classify", LABELS), completed(given, self.validation, 0, seed), 255.0, seed
        )

    def _path(self) -> Path:
        try:
            return own_path(self.folder)
        except BadData as error:
            raise BadData(f"{error}: {CURE}") from error


def read_batches(files: Iterable[Path]) -> Split:
    """Images (n,32,32,3) uint8 and labels (n,) from files of the binary version."""
    parts = [_records(path) for path in files]
    records = np.concatenate(parts)
    return Split(records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), records[:, 0].astype(np.int64))


def _records(path: Path) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    raw = np.frombuffer(path.read_bytes(), np.uint8)
    if not len(raw) or len(raw) % RECORD:
        raise BadData(f"{path}: damaged: it has {len(raw)} bytes, which is no multiple of the {RECORD} of an image")
    records = raw.reshape(-1, RECORD)
    if records[:, 0].max() >= len(LABELS):
        raise BadData(f"{path}: damaged: it has the label {records[:, 0].max()}; they go from 0 to {len(LABELS) - 1}")
    return records
