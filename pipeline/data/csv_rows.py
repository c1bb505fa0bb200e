"""The rows of one CSV file: numbers from the columns that are asked for, by name, with each row's label and group."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import BadData, choices


@dataclass(frozen=True, eq=False)
class Rows:
    """Numbers x (rows, columns) and, row by row, its label and its group."""

    x: NDArray[np.float32]
    labels: tuple[str, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Columns:
    """Which columns are read: those with numbers, and perhaps one with the label and one with the group."""

    numbers: tuple[str, ...]
    label: str = ""
    group: str = ""
    delimiter: str = ","

    def read(self, path: Path, named: Path) -> Rows:
        """One file, known as `named`: without a label's column its folder is the label, without a group's it is one.

        BadData names the line that is no row of numbers.
        """
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                lines = csv.reader(file, delimiter=self.delimiter)
                header = [name.strip() for name in next(lines, [])]
                places = self._places(header, named)
                rows = self._parsed(lines, places, named)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise BadData(f"{named}: cannot be read: {error}") from error
        if not len(rows.x):
            raise BadData(f"{named}: it has no rows of numbers")
        if not all(rows.labels):
            raise BadData(
                f"{named}: some of its rows have no label; name the column that says it with `label`, or put the file "
                "into a folder that is called as its class"
            )
        return rows

    def _places(self, header: Sequence[str], named: Path) -> dict[str, int]:
        """In which place a line has each column."""
        wanted = [*self.numbers, *filter(None, (self.label, self.group))]
        for name in wanted:
            if header.count(name) != 1:
                many = "no column is" if name not in header else "two columns are"
                raise BadData(f"{named}: {many} named {name!r}; there are {choices(header, name) or 'none'}")
        return {name: header.index(name) for name in wanted}

    def _parsed(self, lines: Iterator[list[str]], places: dict[str, int], named: Path) -> Rows:
        numbers: list[list[float]] = []
        said: list[tuple[str, str]] = []
        for count, line in enumerate(lines, start=2):
            if not any(line):
                continue
            try:
                numbers.append([float(line[places[name]]) for name in self.numbers])
                label = line[places[self.label]].strip() if self.label else named.parent.name
                said.append((label, line[places[self.group]].strip() if self.group else named.as_posix()))
            except (ValueError, IndexError) as error:
                raise BadData(f"{named}: line {count}: {error}") from error
        with np.errstate(over="ignore"):  # too large for float32 becomes infinity, which is refused
            x = np.array(numbers, np.float64).astype(np.float32)
        return Rows(x, tuple(label for label, _ in said), tuple(group for _, group in said))
