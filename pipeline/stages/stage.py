"""What a stage is: options in, named files in, one file out."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar, Protocol

from ..artifact import Artifact, Kind


class Stage(Protocol):
    """A frozen dataclass whose fields are its options; it only writes to `out`, the store does all the bookkeeping.

    `takes` maps an input's name to the kinds it may have; names in `optional` may be left out. `version` goes up when
    the same options would write other bytes. Everything that decides the bytes is in the options, the inputs, the
    sources or the libraries: nothing else exists.
    """

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]]
    optional: ClassVar[frozenset[str]]
    gives: ClassVar[Kind]
    version: ClassVar[int]

    @property
    def libraries(self) -> tuple[str, ...]:
        """The distributions whose versions decide the bytes: a constant of the class, unless options decide it."""
        ...

    def sources(self) -> Iterable[Path]:
        """The user's own source files that this stage runs."""
        ...

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        """Writes the artifact: a file at `out`, or a folder there when `gives` is a kind without a suffix."""
        ...
