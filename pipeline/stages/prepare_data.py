"""Reads data and splits them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from ..artifact import Artifact, Kind, canonical_json
from ..data.catalog import DECODED_BY, reader
from ..data.duplicates import Duplicates
from ..data.own import own_path
from ..errors import BadData
from ..progress import say

PLACES = ("folder", "path")  # options that say where known data lie here: their bytes are known by digest


@dataclass(frozen=True)
class PrepareData:
    """The data of that name with its reader's `options`: the splits are drawn by `seed`, the same for every model.

    `train` keeps that many training samples, every label in its share, as if there were no others (0: all; mean and
    deviation stay those of all); `labelled` of them keep their label, every label in its share (0: all), and the others
    are a pool without, for students that have a teacher. `unlabelled` names a folder of files or an .npz with `x`,
    which join that pool. `calibration` of all those calibrate a quantizer. `duplicates` says what becomes of samples
    that are in two splits, byte for byte.
    """

    name: str
    seed: int = 0
    train: int = 0
    labelled: int = 0
    unlabelled: str = ""
    calibration: int = 200
    duplicates: Duplicates = "refuse"
    options: Mapping[str, Any] = field(default_factory=dict)

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "dataset"
    version: ClassVar[int] = 5

    @property
    def libraries(self) -> tuple[str, ...]:
        """A pool without labels may be images, whatever the data are."""
        decoders = DECODED_BY.values() if self.unlabelled else filter(None, [DECODED_BY.get(self.name)])
        return ("numpy", *decoders)

    def __post_init__(self) -> None:
        try:
            reader(self.name, self.options)
        except BadData as error:
            raise ValueError(str(error)) from error
        for key in ("seed", "train", "labelled"):
            if getattr(self, key) < 0:
                raise ValueError(f"{key} is {getattr(self, key)}; it must not be negative")
        if self.calibration < 1:
            raise ValueError(f"calibration is {self.calibration}; at least one sample must calibrate")

    def sources(self) -> Iterable[Path]:
        pool = (own_path(self.unlabelled),) if self.unlabelled else ()
        return (*reader(self.name, self.options).sources(), *pool)

    def travelling(self) -> Mapping[str, Any]:
        """What a model may say of the options: their digest where they name the user's files, and never a place."""
        if self.options and any(True for _ in reader(self.name, self.options).sources()):
            return {"sha256": sha256(canonical_json(self.options).encode()).hexdigest()}
        return {key: value for key, value in self.options.items() if key not in PLACES}

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.check import check
        from ..data.dataset import save
        from ..data.doubts import doubts
        from ..data.duplicates import settled
        from ..data.labels import counted, with_labels
        from ..data.pool import pooled
        from ..data.splits import with_calibration, with_fewer

        dataset = reader(self.name, self.options).read(self.seed)
        dataset = replace(dataset, about=replace(dataset.about, options=self.travelling()))
        check(dataset)
        dataset = with_fewer(settled(dataset, self.duplicates), self.train, self.seed)
        dataset = with_labels(dataset, self.labelled, self.seed)
        if self.unlabelled:
            dataset = settled(pooled(dataset, own_path(self.unlabelled), self.seed), self.duplicates)
        dataset = counted(dataset)
        dataset = with_calibration(dataset, self.calibration, self.seed)
        check(dataset)
        for doubt in doubts(dataset):
            say(f"data {dataset.about.name}: {doubt}")
        save(dataset, out)
