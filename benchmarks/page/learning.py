"""Learning curves: the metric on validation data after each epoch."""

from collections.abc import Sequence
from typing import Any

from ...pipeline.task import Metric
from ..report.document import Curve, Report
from ..tables.human import named
from .section import Figure, Section, colour, label


def section(report: Report) -> Section | None:
    drawn = [curve for curve in report.curves if len(curve.validation) > 1]
    if not drawn:
        return None
    order = {variant.name: index for index, variant in enumerate(report.variants)}
    head = report.variants[0].metric
    layout = {
        "xaxis": {"title": {"text": "epoch"}},
        "yaxis": {"title": {"text": label(f"{named(head)}, on validation")}},
        "height": 400,
        "showlegend": True,
    }
    traces = [_line(curve, order.get(curve.variant, len(order)), drawn) for curve in drawn]
    said = "; ".join(f"{curve.variant}: {_ended(curve, head)}" for curve in drawn)
    return Section("learning", "Learning curves", figure=Figure(traces, layout, said))


def _ended(curve: Curve, metric: Metric) -> str:
    """What the training came to, at its last epoch or at an earlier one whose weights it kept."""
    epochs = len(curve.validation)
    if curve.kept in (0, epochs):
        return f"{metric.said(curve.validation[-1])} after {epochs} epochs"
    return f"{metric.said(curve.validation[curve.kept - 1])} after epoch {curve.kept}, the best of {epochs}"


def _line(curve: Curve, index: int, drawn: Sequence[Curve]) -> dict[str, Any]:
    """The first seed of a variant in full, the others fainter and under the same name."""
    first = next(one for one in drawn if one.variant == curve.variant) is curve
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(range(1, len(curve.validation) + 1)),
        "y": list(curve.validation),
        "line": {"width": 2.2 if first else 1.3, "color": colour(index)},
        "opacity": 1.0 if first else 0.5,
        "name": label(curve.variant),
        "legendgroup": label(curve.variant),
        "showlegend": first,
        "hoverinfo": "x+y+name",
    }
