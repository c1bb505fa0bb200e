"""A load that does not pause: p50 minute by minute, what the machine did meanwhile, and whether the order held."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from ...targets.target import Period
from ..stats import median_interval, percentile
from ..tables.human import NONE, micros, three
from .checks import PI_NOW
from .likeness import unlike
from .result import Result

SHOWN = 12  # minutes of a row that the terminal shows; all are in the JSON
SLOWER = 1.05  # the last minute by the first, from which a row is said to slow down


def sustained_table(results: Sequence[Result]) -> Table:
    """A line for each minute of each row; of many minutes, some spread evenly with the first and the last."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", collapse_padding=True)
    table.add_column("sustained", overflow="fold")
    for title in ("on", "until", "p50", "p90", "°C", "MHz", "flags"):
        table.add_column(title, justify="left" if title in ("on", "flags") else "right", no_wrap=True)
    for result in results:
        for index, period in enumerate(shown(result.sustained)):
            name = (Path(result.file.path).name, result.target) if not index else ("", "")
            table.add_row(*map(Text, name), *map(_cell, _cells(period)))
    return table


def shown(periods: Sequence[Period]) -> list[Period]:
    last = len(periods) - 1
    places = range(last + 1) if last < SHOWN else (round(step * last / (SHOWN - 1)) for step in range(SHOWN))
    return [periods[place] for place in places]


def of_long_runs(results: Sequence[Result]) -> Iterator[tuple[str, str]]:
    """What slowed down, and whose order changed, as far as the intervals of the medians can tell."""
    long = [one for one in results if len(one.sustained) > 1]
    for row in long:
        first, last = (_p50(row.sustained[place]) for place in (0, -1))
        if last > SLOWER * first and _apart(row.sustained[0], row.sustained[-1]):
            yield "warning", f"{_name(row)} on {row.target} is {last / first:.2f}× slower in the end than at first"
    for one, other in combinations(long, 2):
        if not unlike(one, other) and (text := _turned(one, other)):
            yield "warning", text


def _turned(one: Result, other: Result) -> str | None:
    """A sentence when the faster one at first is the slower one in the end, both beyond noise."""
    pairs = [(one.sustained[place], other.sustained[place]) for place in (0, -1)]
    ahead = [_p50(own) < _p50(others) for own, others in pairs]
    if ahead[0] == ahead[1] or not all(_apart(*pair) for pair in pairs):
        return None
    first, last = (one, other) if ahead[0] else (other, one)
    where = f"on {one.target}"
    return f"{_name(first)} is ahead at first {where}, {_name(last)} in the end: rank them by what the device will do"


def _apart(one: Period, other: Period) -> bool:
    """Whether the 95 % intervals of two medians do not meet."""
    (low, high), (lower, higher) = (median_interval(sorted(period.latency_us)) for period in (one, other))
    return high < lower or higher < low


def _p50(period: Period) -> float:
    return percentile(sorted(period.latency_us), 50)


def _cells(period: Period) -> Iterator[str]:
    ordered = sorted(period.latency_us)
    yield f"{period.end / 60:.0f} min" if period.end >= 60 else f"{three(period.end)} s"
    yield micros(percentile(ordered, 50))
    yield micros(percentile(ordered, 90))
    yield f"{max(period.facts['celsius']):.0f}" if period.facts.get("celsius") else NONE
    yield f"{min(period.facts['megahertz'])}" if period.facts.get("megahertz") else NONE
    yield flags(period.facts) or NONE


def flags(facts: Mapping[str, Any]) -> str:
    """What the board's firmware says holds now."""
    bits = facts.get("throttled_flags") or 0
    return ", ".join(name for bit, name in PI_NOW.items() if bits & 1 << bit)


def _name(row: Result) -> str:
    return Path(row.file.path).name


def _cell(text: str) -> Text:
    return Text(text, style="dim" if text == NONE else "")
