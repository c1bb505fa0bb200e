"""Predicted values against true ones: on the line is right."""

from typing import Any

from ..report.document import Report, Scatter
from .section import Figure, Section, colour, label, paragraphs, symbol


def section(report: Report) -> Section | None:
    found = report.scatter
    if found is None:
        return None
    low, high = _edges(found)
    line = {"dash": "dot", "width": 1.5, "color": "var(--faint)"}
    right = {"type": "scatter", "mode": "lines", "x": [low, high], "y": [low, high], "line": line, "hoverinfo": "skip"}
    layout = {
        "xaxis": {"title": {"text": label(f"what it is {found.unit}".rstrip())}, "range": [low, high]},
        "yaxis": {"title": {"text": label(f"what the model says {found.unit}".rstrip())}, "range": [low, high]},
        "height": 480,
        "showlegend": len(found.labels) > 1,
    }
    traces = [{**right, "showlegend": False}, *(_points(found, index) for index in range(len(found.labels)))]
    said = f"{found.file} on {len(found.true[0]):,} test samples; on the dotted line it is right."
    return Section("told", "Predicted against true", paragraphs(said), figure=Figure(traces, layout, said))


def _points(found: Scatter, index: int) -> dict[str, Any]:
    marker = {"size": 5, "color": colour(index + 2), "symbol": symbol(index), "opacity": 0.5}
    points = {"x": list(found.true[index]), "y": list(found.told[index]), "marker": marker, "hoverinfo": "x+y"}
    return {"type": "scatter", "mode": "markers", "name": label(found.labels[index]), **points}


def _edges(found: Scatter) -> tuple[float, float]:
    values = [value for column in (*found.true, *found.told) for value in column]
    room = 0.03 * (max(values) - min(values)) or 1.0
    return min(values) - room, max(values) + room
