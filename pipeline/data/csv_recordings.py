"""Recordings in CSV files: columns by name, cut into windows, split by file or by whoever was recorded."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ..errors import BadData
from ..task import Task
from .class_folders import files_with, read_each
from .csv_rows import Columns, Rows
from .dataset import DataSet
from .own import check_shares, in_order, own_name, own_path, own_source
from .splits import assembled
from .windows import Recording, by_group, windowed

ENDINGS = (".csv",)
LONGEST = 100_000  # samples of a window


@dataclass(frozen=True, kw_only=True)
class CsvRecordings:
    """A CSV file with a line of names above its numbers, or a folder of such files: `columns` are the channels, in this
    order. Rows that follow each other with one label are a recording, cut into windows of `window` rows, one every
    `step`.

    `label` names the column that says the label; without one it is the folder that a file lies in. `group` names the
    column that says who was recorded: no group is in two splits, `test_groups` and `validation_groups` say which are
    where, else they are drawn by shares. Without `group`, every file is one; a single file's recordings are.
    """

    folder: str
    columns: tuple[str, ...]
    window: int
    step: int = 0
    label: str = ""
    group: str = ""
    test_groups: tuple[str, ...] = ()
    validation_groups: tuple[str, ...] = ()
    delimiter: str = ","
    validation: float = 0.1
    test: float = 0.2
    licence: str = "yours"

    def __post_init__(self) -> None:
        check_shares(self.validation, self.test)
        if not self.columns:
            raise ValueError("columns is empty; name the columns that are a model's channels")
        if not 1 <= self.window <= LONGEST:
            raise ValueError(f"window is {self.window}; it must be 1 to {LONGEST} rows")
        if not 0 <= self.step <= LONGEST:
            raise ValueError(f"step is {self.step}; it must be 1 to {LONGEST} rows, or 0 for half a window")
        if len(self.delimiter) != 1:
            raise ValueError(f"delimiter is {self.delimiter!r}; it must be one character")
        if both := sorted(set(self.test_groups) & set(self.validation_groups)):
            raise ValueError(f"{both[0]!r} is in test_groups and in validation_groups; it can be in one of them")

    def sources(self) -> Iterable[Path]:
        return (own_path(self.folder),)

    def read(self, seed: int) -> DataSet:
        """Windows (n,1,window,columns) float32."""
        path = own_path(self.folder)
        files = [path] if path.is_file() else files_with(path, ENDINGS)
        if not files:
            raise BadData(f"{path}: there is no file in it that ends in .csv")
        root = path.parent if path.is_file() else path
        columns = Columns(self.columns, self.label, self.group, self.delimiter)
        rows = read_each(files, lambda file: columns.read(file, file.relative_to(root)), path)
        labels = in_order(sorted({label for part in rows for label in part.labels}))
        told = zip([file.relative_to(root) for file in files], rows, strict=True)
        cut = [one for file, part in told for one in self._recordings(file, part, labels, alone=path.is_file())]
        recordings = [one for one in cut if len(one.x) >= self.window]
        if not recordings:
            raise BadData(
                f"{path}: {len(cut)} recordings, the longest of {max(len(one.x) for one in cut)} rows; "
                f"none fills a window of {self.window}"
            )
        named = {"test": self.test_groups, "validation": self.validation_groups}
        try:
            parts = by_group(recordings, named, {"test": self.test, "validation": self.validation}, seed)
        except BadData as error:
            raise BadData(f"{path}: {error}") from error
        splits = {name: windowed(part, self.window, self.step or -(-self.window // 2)) for name, part in parts.items()}
        source = own_source(path, self.licence)
        return assembled(own_name("csv", source, self), source, Task("classify", tuple(labels)), splits, 1.0, seed)

    def _recordings(self, file: Path, rows: Rows, labels: Sequence[str], alone: bool) -> Iterator[Recording]:
        """The stretches of a file with one label and one group; of a file `alone`, each is a group of its own."""
        for number, (said, places) in enumerate(
            groupby(range(len(rows.x)), lambda at: (rows.labels[at], rows.groups[at]))
        ):
            label, group = said
            own = f"recording {number + 1}" if alone and not self.group else group
            yield Recording(rows.x[list(places)], labels.index(label), own, file.as_posix())
