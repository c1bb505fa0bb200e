"""The page of `edgestill bench`: its tables, every call of every row, the long runs, and how to measure it again."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from ..harness.result import Result
from ..tables.human import counted
from ..tables.table import remarks_on, tables_of
from ..whole import written_whole
from . import calls, sustained
from .markup import Html, element
from .page import document
from .section import Section

TITLES = {
    "measured": "Measured",
    "counted on processors": "Instructions on emulated processors",
    "counted on boards": "Instructions on emulated boards",
    "estimated": "Estimated",
}


def write_bench_page(results: Sequence[Result], compared: Sequence[str], command: str, path: Path) -> None:
    """Writes the page of these rows; `compared` is what is known of them beside earlier ones."""
    with written_whole(path) as beside:
        beside.write_text(bench_page(results, compared, command), encoding="utf-8")


def bench_page(results: Sequence[Result], compared: Sequence[str], command: str) -> Html:
    """The page itself."""
    parts = [
        *(
            Section(name.split()[-1], TITLES[name], _html(table))
            for name, table in tables_of(results)
            if name in TITLES
        ),
        _doubts(results),
        _facts(results, compared),
        calls.of_rows(list(_calls(results))),
        sustained.of_lines(_long(results)),
        Section("reproduce", "Do it again", element("pre", element("code", command))),
    ]
    return document("bench · edgestill", _top(results), [one for one in parts if one], "what --json prints")


def _top(results: Sequence[Result]) -> Html:
    """How many rows there are, and the first thing that they say side by side."""
    files, targets = ({part(one) for one in results} for part in (_name, lambda one: one.target))
    lead = next((text for kind, text in remarks_on(results) if kind == "fact"), None)
    return element(
        "header",
        element("p", element("b", "edgestill"), " · bench", class_="above"),
        element("h1", f"{counted(len(files), 'file')} on {counted(len(targets), 'target')}"),
        element("p", lead, class_="lead") if lead else None,
    )


def _facts(results: Sequence[Result], compared: Sequence[str]) -> Section | None:
    """What the rows say, and what ran them."""
    found = [element("li", text) for kind, text in remarks_on(results, compared) if kind == "fact"]
    return Section("facts", "What the rows say", element("ul", *found)) if found else None


def _doubts(results: Sequence[Result]) -> Section | None:
    """Failures first, then why not to trust the rest."""
    found = [(kind, text) for kind, text in remarks_on(results) if kind != "fact"]
    found.sort(key=lambda one: one[0] != "failed")
    items = [element("li", text, class_="failed" if kind == "failed" else None) for kind, text in found]
    return Section("doubts", "Before you believe it", element("ul", *items, class_="doubts")) if items else None


def _calls(results: Sequence[Result]) -> Iterator[calls.Row]:
    for index, row in enumerate(results):
        if latency := row.latency():
            every = [value for part in row.rounds_us for value in part]
            if every:
                yield calls.Row(index, f"{_name(row)} · {row.target}", every, latency)


def _long(results: Sequence[Result]) -> list[sustained.Line]:
    """A colour for each file, the same on every target."""
    names = list(dict.fromkeys(map(_name, results)))
    return [sustained.Line(names.index(_name(row)), _name(row), row) for row in results]


def _html(table: Table) -> Html:
    """A table of the terminal as it is."""
    numeric = [column.justify == "right" for column in table.columns]
    heads = (
        element("th", _plain(column.header).replace("\n", " "), scope="col", class_="number" if right else None)
        for column, right in zip(table.columns, numeric, strict=True)
    )
    rows = zip(*(column.cells for column in table.columns), strict=True)
    lines = (
        element(
            "tr",
            *(
                element("td", _plain(cell), class_="number" if right else None)
                for cell, right in zip(row, numeric, strict=True)
            ),
        )
        for row in rows
    )
    inner = element("table", element("thead", element("tr", *heads)), element("tbody", *lines))
    return element("div", inner, class_="scroll", tabindex="0", role="region", aria_label="table")


def _plain(cell: object) -> str:
    return cell.plain if isinstance(cell, Text) else str(cell)


def _name(row: Result) -> str:
    return Path(row.file.path).name
