"""Every call of every file on one axis: the raw samples, with p50 and p90 marked."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..report import sentences
from ..report.document import Report
from ..report.variant import result_of
from ..stats import Latency, percentile
from ..tables.human import counted, micros, micros_pair
from .markup import Html
from .section import Figure, Section, colour, label, paragraphs

DRAWN = 240  # calls of a file that are drawn; the statistics rest on all of them
GOLDEN = 0.6180339887  # steps of the golden section never cluster
ROW_PIXELS = 50


@dataclass(frozen=True)
class Row:
    """One file: the row of the table that it belongs to, its calls in order, and their statistics."""

    index: int
    name: str
    calls: list[float]
    latency: Latency


def section(report: Report) -> Section | None:
    return of_rows(list(_rows(report)), paragraphs(sentences.latency(report), *sentences.speeds(report)))


def of_rows(rows: Sequence[Row], before: Html = Html()) -> Section | None:  # noqa: B008 (immutable)
    """None where nothing was timed; `before` stands above the figure."""
    if not rows:
        return None
    low, high = min(row.latency.min for row in rows) * 0.9, edge([row.calls for row in rows])
    traces = [trace for place, row in enumerate(reversed(rows)) for trace in _strip(place, row, math.sqrt(low * high))]
    layout = {
        "xaxis": {"title": {"text": "time of one call"}, "type": "log", **_time_axis(low, high)},
        "yaxis": {
            "tickvals": list(range(len(rows))),
            "ticktext": [label(row.name) for row in reversed(rows)],
            "range": [-0.6, len(rows) - 0.3],
            "showgrid": False,
        },
        "height": 100 + ROW_PIXELS * len(rows),
    }
    said = "; ".join(f"{row.name}: p50 {micros(row.latency.p50)}, p90 {micros(row.latency.p90)}" for row in rows)
    return Section("calls", "Time of a call", before, paragraphs(_note(rows, high)), Figure(traces, layout, said))


def _rows(report: Report) -> Iterator[Row]:
    for index, variant in enumerate(report.variants):
        for file in variant.files:
            result = result_of(report.results, file)
            latency = result.latency() if result else None
            if result and latency:
                calls = [value for part in result.rounds_us for value in part]
                yield Row(index, f"{variant.name} · {file.role}", calls, latency)


def edge(calls: Sequence[Sequence[float]]) -> float:
    """Where the axis ends, microseconds: a few slow calls must not press all others to the left."""
    return 2.5 * max(percentile(sorted(one), 90) for one in calls)


def _note(rows: Sequence[Row], high: float) -> str:
    every = [value for row in rows for value in row.calls]
    beyond = sum(value > high for value in every)
    said = "Heavy mark: p50. Light mark: p90. Dots: single calls, the files taking turns in rounds."
    if not beyond:
        return said
    whole = counted(len(every), "call")
    return f"{said} {beyond:,} of {whole} lie beyond the right edge, the slowest at {micros(max(every))}."


def _strip(place: int, row: Row, middle: float) -> Iterator[dict[str, Any]]:
    """The calls as dots, p50 and p90 as marks, and both as text above them, on the side where there is more room."""
    drawn = row.calls[:: max(1, len(row.calls) // DRAWN)]
    heights = [place + 0.4 * ((step * GOLDEN) % 1.0 - 0.5) for step in range(len(drawn))]
    dots = {"size": 4, "color": colour(row.index), "opacity": 0.4}
    yield _points(drawn, heights, mode="markers", marker=dots)
    pair = micros_pair(row.latency.p50, row.latency.p90)
    said = label(f"{row.name}: p50 / p90 {pair}, {counted(row.latency.n, 'call')}")
    for value, width in ((row.latency.p90, 1.5), (row.latency.p50, 4)):
        mark = {"symbol": "line-ns-open", "size": 19, "color": "var(--ink)", "line": {"width": width}}
        yield _points([value], [place], mode="markers", marker=mark, hovertext=[said], hoverinfo="text")
    side = "middle right" if row.latency.p50 < middle else "middle left"
    yield _points([row.latency.p50], [place + 0.36], mode="text", text=[pair], textposition=side)


def _points(x: Sequence[float], y: Sequence[float], **other: Any) -> dict[str, Any]:
    return {"type": "scatter", "x": list(x), "y": list(y), "hoverinfo": "skip", **other}


def _time_axis(low: float, high: float) -> dict[str, Any]:
    ticks = [step * 10.0**power for power in range(-1, 8) for step in (1, 2, 5)]
    ticks = [value for value in ticks if low <= value <= high]
    return {"range": [math.log10(low), math.log10(high)], "tickvals": ticks, "ticktext": [_tick(one) for one in ticks]}


def _tick(us: float) -> str:
    value, unit = (us, "µs") if us < 1e3 else (us / 1e3, "ms") if us < 1e6 else (us / 1e6, "s")
    return f"{value:g} {unit}"
