"""Normal against anomalous samples: how far each reconstruction is off, and the trade between catches and alarms."""

import math
from collections.abc import Sequence
from typing import Any

from ..report.document import Report
from ..report.variant import Judged
from ..stats import percentile
from ..tables.human import share
from .section import Figure, Section, colour, paragraphs

BINS = 48
ALARMS = (0.01, 0.05)  # shares of normal samples that may be taken for anomalous


def section(report: Report) -> Section | None:
    last = report.variants[-1]
    if last.judged is None or last.judged.anomalous is None:
        return None
    normal, anomalous = kinds(last.judged)
    if not normal or not anomalous:
        return None
    edges = _edges([*normal, *anomalous])
    layout = {
        "xaxis": {"title": {"text": "mean squared error of the reconstruction"}, "type": "log"},
        "yaxis": {"title": {"text": "share of the samples of its kind, %"}},
        "height": 400,
        "showlegend": True,
        "bargap": 0,
        "barmode": "overlay",
    }
    traces = [_bars("normal", normal, edges, 2), _bars("anomalous", anomalous, edges, 1)]
    said = " ".join(_caught(alarm, normal, anomalous) for alarm in ALARMS)
    return Section("separation", "Normal against anomalous", paragraphs(said), figure=Figure(traces, layout, said))


def kinds(judged: Judged) -> tuple[list[float], list[float]]:
    """The scores of the normal samples, and those of the anomalous ones."""
    pairs = list(zip(judged.values, judged.anomalous or (), strict=True))
    return [value for value, yes in pairs if not yes], [value for value, yes in pairs if yes]


def _caught(alarm: float, normal: Sequence[float], anomalous: Sequence[float]) -> str:
    threshold = percentile(sorted(normal), 100 * (1 - alarm))
    caught = sum(value > threshold for value in anomalous) / len(anomalous)
    return (
        f"With a threshold that {share(alarm)} of the normal test samples exceed, "
        f"{share(caught, 1)} of the anomalous ones are caught."
    )


def _edges(values: Sequence[float]) -> list[float]:
    """Of equal bins on a logarithmic axis."""
    least = min((value for value in values if value > 0), default=1e-6)
    low, high = math.log10(least), math.log10(max(*values, least * 10))
    return [10 ** (low + step * (high - low) / BINS) for step in range(BINS + 1)]


def _bars(name: str, values: Sequence[float], edges: Sequence[float], index: int) -> dict[str, Any]:
    counts = [0] * BINS
    for value in values:
        place = sum(value >= edge for edge in edges) - 1
        counts[min(max(place, 0), BINS - 1)] += 1
    return {
        "type": "bar",
        "name": name,
        "x": [math.sqrt(low * high) for low, high in zip(edges, edges[1:], strict=False)],
        "y": [round(100 * count / len(values), 3) for count in counts],
        "width": [high - low for low, high in zip(edges, edges[1:], strict=False)],
        "marker": {"color": colour(index)},
        "opacity": 0.6,
        "hoverinfo": "y+name",
    }
