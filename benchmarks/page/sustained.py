"""Loads that did not pause: p50 and p90 over time, by target and speed; beneath them heat and clock, where known."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...targets.target import Period
from ..harness.result import Result
from ..harness.sustained import flags, of_long_runs
from ..report.document import Report
from ..stats import percentile
from ..tables.human import counted, micros, three
from .markup import Html, element
from .section import Figure, Section, colour, label, paragraphs, symbol

PANEL_PIXELS, STRIP_PIXELS, GAP = 260, 110, 0.04  # the gap between panels is a share of the whole
APART = 4  # times as slow as the fastest file of a panel: one beyond has its own, where a change of each can be seen
NOTE = "Heavy line: p50. Dotted line: p90. A cross: the board reported under-voltage, a capped clock or throttling."


@dataclass(frozen=True)
class Line:
    """A file's long run: the place of its colour, what people call it, and its row."""

    index: int
    name: str
    row: Result


@dataclass(frozen=True)
class _Panel:
    """One vertical axis: its title, its height, and its traces."""

    title: str
    pixels: int
    traces: Sequence[Mapping[str, Any]]
    from_zero: bool = False


def section(report: Report) -> Section | None:
    """Of a run's files, in the colours of their variants."""
    found = []
    for index, variant in enumerate(report.variants):
        for file in variant.files:
            rows = [one for one in report.results if one.file.sha256 == file.sha256]
            found += [Line(index, f"{variant.name} · {file.role}", row) for row in rows]
    warned = (text for _, text in of_long_runs([line.row for line in found]))
    return of_lines(found, paragraphs(*warned))


def of_lines(lines: Sequence[Line], before: Html = Html()) -> Section | None:  # noqa: B008 (immutable)
    """None where nothing ran for long; `before` stands above the figure."""
    drawn = [line for line in lines if line.row.sustained]
    if not drawn:
        return None
    longest = max(line.row.sustained[-1].end for line in drawn)
    seconds, unit = (60.0, "min") if longest >= 120 else (1.0, "s")
    panels = [panel for target in dict.fromkeys(one.row.target for one in drawn) for panel in _of(target, drawn)]
    figure = Figure(*_stacked(panels, seconds, unit), "; ".join(map(_in_words, drawn)))
    return Section("sustained", "For long", before, element("p", NOTE, class_="note"), figure)


def _of(target: str, drawn: Sequence[Line]) -> Iterator[_Panel]:
    """The panels of a target."""
    lines = [line for line in drawn if line.row.target == target]
    for alike in _of_a_speed(lines):
        highest = max(_share(period, 90) for line in alike for period in line.row.sustained)
        factor, unit = (1.0, "µs") if highest < 1e3 else (1e3, "ms")
        latencies = [trace for line in alike for trace in _latencies(line, factor)]
        yield _Panel(label(f"{target}, {unit}"), PANEL_PIXELS, latencies, from_zero=True)
    for fact, title, told in (("celsius", "°C", max), ("megahertz", "MHz", min)):
        if known := [
            _fact(line, fact, told) for line in lines if any(one.facts.get(fact) for one in line.row.sustained)
        ]:
            yield _Panel(title, STRIP_PIXELS, known)


def _of_a_speed(lines: Sequence[Line]) -> list[list[Line]]:
    """Files that are about as fast, the slowest first."""
    groups: list[list[Line]] = []
    for line in sorted(lines, key=_p50):
        if not groups or _p50(line) > APART * _p50(groups[-1][0]):
            groups.append([])
        groups[-1].append(line)
    return groups[::-1]


def _p50(line: Line) -> float:
    """Of the middle period."""
    return percentile(sorted(_share(one, 50) for one in line.row.sustained), 50)


def _latencies(line: Line, factor: float) -> Iterator[dict[str, Any]]:
    periods = line.row.sustained
    hot = [bool(flags(one.facts)) for one in periods]
    for share, dash, width in ((90, "dot", 1.2), (50, "solid", 2.2)):
        yield {
            **_line(line, [_share(one, share) / factor for one in periods]),
            "mode": "lines+markers" if share == 50 else "lines",
            "line": {"width": width, "dash": dash, "color": colour(line.index)},
            "marker": {
                "size": [11 if one else 6 for one in hot],
                "symbol": ["x" if one else symbol(line.index) for one in hot],
                "color": ["var(--bad)" if one else colour(line.index) for one in hot],
            },
            "hovertext": [label(_said(line, one)) for one in periods],
            "hoverinfo": "text" if share == 50 else "skip",
            "showlegend": share == 50,
        }


def _fact(line: Line, fact: str, told: Any) -> dict[str, Any]:
    """The hottest place, or the slowest clock, at the end of each period; a gap where the machine said nothing."""
    values = [told(one.facts[fact]) if one.facts.get(fact) else None for one in line.row.sustained]
    width = {"width": 1.6, "color": colour(line.index)}
    return {**_line(line, values), "mode": "lines", "line": width, "showlegend": False, "hoverinfo": "y+name"}


def _line(line: Line, values: Sequence[float | None]) -> dict[str, Any]:
    ends = [one.end for one in line.row.sustained]
    name = label(line.name)
    return {"type": "scatter", "x": ends, "y": list(values), "name": name, "legendgroup": name}


def _stacked(panels: Sequence[_Panel], seconds: float, unit: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Traces and layout of the panels one below the other, over one axis of time; each file is once in the legend."""
    whole, top = sum(one.pixels for one in panels), 1.0
    axes, traces, listed = dict[str, Any](), list[dict[str, Any]](), set[str]()
    for number, panel in enumerate(panels, start=1):
        bottom = max(0.0, top - panel.pixels / whole)
        kind = {"rangemode": "tozero"} if panel.from_zero else {"nticks": 4}
        axes[f"yaxis{number if number > 1 else ''}"] = {
            "title": {"text": panel.title},
            "domain": [bottom + (GAP if number < len(panels) else 0.0), top],
            **kind,
        }
        for trace in panel.traces:
            shown = bool(trace["showlegend"]) and trace["name"] not in listed
            listed |= {trace["name"]} if shown else set()
            times = [end / seconds for end in trace["x"]]
            traces.append({**trace, "x": times, "yaxis": f"y{number if number > 1 else ''}", "showlegend": shown})
        top = bottom
    below = f"y{len(panels)}" if len(panels) > 1 else "y"
    time = {"title": {"text": f"{unit} without a pause"}, "anchor": below, "rangemode": "tozero"}
    return traces, {"xaxis": time, **axes, "height": 110 + whole, "showlegend": True}


def _said(line: Line, period: Period) -> str:
    parts = [f"{line.name} until {three(period.end)} s: p50 {micros(_share(period, 50))}"]
    parts += [f"p90 {micros(_share(period, 90))}", counted(period.calls, "call")]
    if period.facts.get("celsius"):
        parts.append(f"{max(period.facts['celsius']):.0f} °C")
    if period.facts.get("megahertz"):
        parts.append(f"{min(period.facts['megahertz'])} MHz")
    return ", ".join([*parts, *filter(None, [flags(period.facts)])])


def _in_words(line: Line) -> str:
    first, last = (micros(_share(line.row.sustained[place], 50)) for place in (0, -1))
    return f"{line.name} on {line.row.target}: p50 {first} at first, {last} in the end"


def _share(period: Period, percent: float) -> float:
    return percentile(sorted(period.latency_us), percent)
