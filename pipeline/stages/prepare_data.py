"""Reads data and splits them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ..artifact import Artifact, Kind
from ..data.catalog import reader
from ..errors import BadData


@dataclass(frozen=True)
class PrepareData:
    """The data of that name with its reader's `options`: the splits are drawn by `seed`, the same for every model."""

    name: str
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "dataset"
    version: ClassVar[int] = 3
    libraries: ClassVar[tuple[str, ...]] = ("numpy",)

    def __post_init__(self) -> None:
        try:
            reader(self.name, self.options)
        except BadData as error:
            raise ValueError(str(error)) from error
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; it must not be negative")

    def sources(self) -> Iterable[Path]:
        return reader(self.name, self.options).sources()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.check import check
        from ..data.dataset import save

        dataset = reader(self.name, self.options).read(self.seed)
        check(dataset)
        save(dataset, out)
