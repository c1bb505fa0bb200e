"""A folder of the user's own with one folder a class as a data set: what its readers, one a kind of file, share."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from ..preprocess import Preprocess
from ..task import Task
from .class_folders import Labelled, class_folders
from .dataset import DataSet, Split
from .own import own_name, own_path, own_source
from .splits import assembled, completed


class OfClasses(Protocol):
    """A reader of such a folder: which it is, and the shares of train that are drawn where a split has no folder."""

    @property
    def folder(self) -> str: ...

    @property
    def validation(self) -> float: ...

    @property
    def test(self) -> float: ...

    @property
    def licence(self) -> str: ...

    def read_files(self, part: Labelled, folder: Path) -> Split:
        """The samples of these files, which lie in the folder."""
        ...


Groups = Callable[[Mapping[str, Labelled], Path], Sequence[str] | None]


def read_classes(
    kind: str,
    reader: OfClasses,
    endings: Sequence[str],
    seed: int,
    divisor: float = 1.0,
    fit: Callable[[NDArray[Any]], Preprocess] | None = None,
    groups: Groups = lambda found, folder: None,
) -> DataSet:
    """The data set of the files with these endings, called `KIND FOLDER` and what tells how it was read.

    `divisor` and `fit` are those of `assembled`; `groups` says of each file of train whose it is, where that decides
    in which split it may be drawn. BadData as `class_folders` and the reader raise it.
    """
    folder = own_path(reader.folder)
    labels, found = class_folders(folder, endings)
    source = own_source(folder, reader.licence)
    given = {name: reader.read_files(part, folder) for name, part in found.items()}
    parts = completed(given, reader.validation, reader.test, seed, groups(found, folder))
    name = own_name(kind, source, reader)
    return assembled(name, source, Task("classify", labels), parts, divisor, seed, fit)
