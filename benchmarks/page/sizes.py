"""File size against score: which of the variants nobody beats in both."""

import math
from collections.abc import Sequence
from typing import Any

from ..report.derive import SHUFFLED
from ..report.document import Report
from ..report.variant import ModelFile, Variant
from ..stats import Spread, spread
from ..tables.human import named, score_and_unit, size
from .section import Figure, Section, colour, label, paragraphs, symbol

Point = tuple[int, float]
NAMED = 7  # rows that have room for their names; of more, only those that nobody beats


def section(report: Report) -> Section | None:
    rows = [(index, one) for index, one in enumerate(report.variants) if one.name != SHUFFLED]
    shown = [(index, one) for index, one in rows if one.test and one.displayed]
    if len(shown) < 2:
        return None
    head = report.variants[0].metric
    points = [_point(one) for _, one in shown]
    markers = [
        _marker(index, one, place)
        for (index, one), place in zip(shown, places(points, head.better == "higher"), strict=True)
    ]
    edge = front(points, higher=head.better == "higher")
    if len(shown) > NAMED:
        for marker, point in zip(markers, points, strict=True):
            marker["mode"] = "markers+text" if point in edge else "markers"
    line = {"dash": "dot", "width": 1.5, "color": "var(--faint)"}
    x, y = [x for x, _ in edge], [y for _, y in edge]
    layout = {
        "xaxis": {"title": {"text": "size of the file"}, "type": "log", **_byte_axis([x for x, _ in points])},
        "yaxis": {"title": {"text": label(named(head))}},
        "height": 430,
    }
    front_line = {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "hoverinfo": "skip"}
    said = "; ".join(_said(one) for _, one in shown)
    note = "Bars: deviation over the seeds. Dotted: what no other variant beats in both size and score."
    return Section(
        "size", "Size against score", figure=Figure([front_line, *markers], layout, said), after=paragraphs(note)
    )


def _file(variant: Variant) -> ModelFile:
    assert variant.displayed
    return variant.displayed


def _point(variant: Variant) -> Point:
    return _file(variant).bytes, spread(variant.test).mean


def _said(variant: Variant) -> str:
    file = _file(variant)
    return f"{variant.name}: {score_and_unit(variant.test, variant.metric)}, {size(file.bytes)} ({file.role})"


def _marker(index: int, variant: Variant, place: str) -> dict[str, Any]:
    x, y = _point(variant)
    score: Spread = spread(variant.test)
    several = score.deviation is not None
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [x],
        "y": [y],
        "error_y": {"type": "data", "array": [score.deviation or 0.0], "visible": several, "thickness": 1.5},
        "text": [f"\u2002{label(variant.name)}\u2002"],
        "textposition": place,
        "hovertext": [label(_said(variant))],
        "hoverinfo": "text",
        "marker": {"size": 13, "color": colour(index), "symbol": symbol(index)},
        "cliponaxis": False,
    }


def places(points: Sequence[Point], higher: bool = True) -> list[str]:
    """On which side of its marker each name stands: to the right, unless the edge or a near marker is there; and off
    the dotted line, which rises to the right where more is better."""
    left, right = (edge([x for x, _ in points]) for edge in (min, max))
    wide, high = math.log(right / left) or 1.0, max(y for _, y in points) - min(y for _, y in points)

    def taken(place: int) -> bool:
        x, y = points[place]
        others = (point for other, point in enumerate(points) if other != place)
        return any(0 <= math.log(a / x) < 0.25 * wide and abs(b - y) <= 0.07 * high for a, b in others)

    edge = right / math.exp(0.12 * wide)
    before, behind = ("top left", "bottom right") if higher else ("bottom left", "top right")
    return [before if x >= edge > left or taken(place) else behind for place, (x, _) in enumerate(points)]


def front(points: Sequence[Point], higher: bool) -> list[Point]:
    """The points that no other beats in both, from small to large."""
    sign, best, kept = (1.0 if higher else -1.0), -math.inf, []
    for x, y in sorted(points, key=lambda point: (point[0], -sign * point[1])):
        if sign * y > best:
            best = sign * y
            kept.append((x, y))
    return kept


def _byte_axis(sizes: Sequence[int]) -> dict[str, Any]:
    low, high = math.log10(min(sizes)), math.log10(max(sizes))
    room = 0.2 * (high - low) + 0.1
    steps = (step * 10**power * 1024 for power in range(7) for step in (1, 2, 5))
    ticks = [value for value in steps if low - room <= math.log10(value) <= high + room]
    return {"range": [low - room, high + room], "tickvals": ticks, "ticktext": [_tick(value) for value in ticks]}


def _tick(value: int) -> str:
    return size(value).replace(".00", "").replace(".0", "")
