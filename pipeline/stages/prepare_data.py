"""Reads a data set and splits it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind
from ..data.catalog import NAMES
from ..errors import choices


@dataclass(frozen=True)
class PrepareData:
    """The data set of that name: its splits are drawn by `seed`, the same for every model that is compared."""

    name: str
    seed: int = 0

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "dataset"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy",)

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(f"no data set is named {self.name!r}; there are {choices(NAMES)}")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; it must not be negative")

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.catalog import read_data
        from ..data.check import check
        from ..data.dataset import save

        dataset = read_data(self.name, self.seed)
        check(dataset)
        save(dataset, out)
