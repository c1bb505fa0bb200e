"""What a reader of data is: options in, a data set with its splits out."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from .dataset import DataSet


class Reader(Protocol):
    """A frozen dataclass whose fields are the options of [data]; one class a kind of data.

    It reads files and runs nothing that it finds in them. `sources` are the user's own files and folders that it
    reads: their digests decide what a run makes. What a package holds is known by its digest and is no source.
    """

    def sources(self) -> Iterable[Path]:
        """The user's own files and folders; none for data that come in a package."""
        ...

    def read(self, seed: int) -> DataSet:
        """The data set, split by `seed`; BadData names what is wrong, MissingTool what is not installed."""
        ...
