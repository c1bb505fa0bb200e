"""Tables on narrow terminals: figures stay whole and move together, names take several lines."""

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text


def fitting(table: Table, console: Console) -> Table:
    """The table as it is where the terminal is wide enough, else closer together.

    Figures, which stand on the right of their columns, lose their spaces; what stands on the left is a name and folds.
    """
    unbounded = console.options.update(max_width=10_000)
    if Measurement.get(console, unbounded, table).maximum <= console.width:
        return table
    made = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", collapse_padding=True)
    for column in table.columns:
        is_name = column.justify == "left"
        made.add_column(column.header, justify=column.justify, no_wrap=not is_name, overflow="fold")
    cells = (map(_closer if column.justify == "right" else Text.copy, column.cells) for column in table.columns)  # type: ignore[arg-type]
    for style, row in zip((row.style for row in table.rows), zip(*cells, strict=True), strict=True):
        made.add_row(*row, style=style)
    return made


def _closer(figure: Text) -> Text:
    return Text(figure.plain.replace(" ", ""), figure.style)
