"""Tables on narrow terminals: figures stay whole and move together, names take several lines, and what still has no
room becomes a table of its own below."""

from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

NAME = 8  # characters that a name keeps on a line


def fitting(table: Table, console: Console) -> RenderableType:
    """The table as it is where the terminal is wide enough, else closer together, and in parts where it must be.

    Figures, which stand on the right of their columns, lose their spaces; what stands on the left is a name, folds, and
    is told in each part again.
    """
    unbounded = console.options.update(max_width=10_000)
    if Measurement.get(console, unbounded, table).maximum <= console.width:
        return table
    parts = [_part(table, columns) for columns in _parted(table.columns, console.width)]
    return Group(parts[0], *(piece for part in parts[1:] for piece in ("", part)))


def _parted(columns: Sequence[Column], width: int) -> Iterator[list[Column]]:
    """The columns of each part: all names, and as many figures as there is room for, one at least."""
    names, figures = [one for one in columns if _is_name(one)], [one for one in columns if not _is_name(one)]
    room = width - sum(min(_longest(name), NAME) + 1 for name in names)
    part: list[Column] = []
    for figure in figures:
        if part and sum(_longest(one) + 1 for one in (*part, figure)) > room + 1:
            yield [*names, *part]
            part = []
        part.append(figure)
    yield [*names, *part]


def _part(table: Table, columns: Sequence[Column]) -> Table:
    made = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", collapse_padding=True)
    for column in columns:
        least = min(_longest(column), NAME) if _is_name(column) else None
        wraps = _is_name(column)
        made.add_column(column.header, justify=column.justify, no_wrap=not wraps, overflow="fold", min_width=least)
    cells = (_cells(column) for column in columns)
    for style, row in zip((row.style for row in table.rows), zip(*cells, strict=True), strict=True):
        made.add_row(*row, style=style)
    return made


def _is_name(column: Column) -> bool:
    return column.justify == "left"


def _cells(column: Column) -> list[Text]:
    texts = [Text.from_markup(cell) if isinstance(cell, str) else cell.copy() for cell in column.cells]  # type: ignore[union-attr]
    return texts if _is_name(column) else [Text(text.plain.replace(" ", ""), text.style) for text in texts]


def _longest(column: Column) -> int:
    """Characters of the longest line that must stay whole."""
    lines = [line for text in (Text(str(column.header)), *_cells(column)) for line in text.plain.split("\n")]
    return max(map(len, lines))
