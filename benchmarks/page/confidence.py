"""How far confidence can be believed: the share of right answers among those of about the same confidence."""

from collections.abc import Sequence
from typing import Any

from ..report.document import Report
from ..report.reliability import Reliability
from ..report.variant import Variant
from ..stats import spread
from ..tables.human import share
from .section import Figure, Section, colour, label, paragraphs, symbol

NOTE = (
    "Test samples in 15 bins of the probability that a model gives its answer, all seeds together; the larger a "
    "marker, the more samples. On the dotted line a model is as often right as it believes; below it is too sure."
)


def section(report: Report) -> Section | None:
    drawn = [(index, row) for index, row in enumerate(report.variants) if row.reliability and not row.source]
    if not drawn:
        return None
    line = {"dash": "dot", "width": 1.5, "color": "var(--faint)"}
    right = {"type": "scatter", "mode": "lines", "x": [0, 1], "y": [0, 1], "line": line, "hoverinfo": "skip"}
    layout = {
        "xaxis": {"title": {"text": "confidence"}, "range": [0, 1.03]},
        "yaxis": {"title": {"text": "share of right answers"}, "range": [0, 1.03]},
        "height": 460,
        "showlegend": True,
    }
    said = "; ".join(_said(row) for _, row in drawn)
    traces = [{**right, "showlegend": False}, *(_bins(index, row) for index, row in drawn)]
    words = paragraphs(f"Expected calibration error: {said}.")
    return Section("confidence", "Confidence against truth", words, paragraphs(NOTE), Figure(traces, layout, said))


def _said(row: Variant) -> str:
    """distilled 2.1 % (not sure enough)."""
    error, surer = (spread([getattr(one, name) for one in row.reliability]).mean for name in ("error", "surer"))
    return f"{row.name} {share(error, 1)} ({'too sure' if surer > 0 else 'not sure enough'})"


def _bins(index: int, row: Variant) -> dict[str, Any]:
    whole = together(row.reliability)
    there = [place for place, count in enumerate(whole.counts) if count]
    most = max(whole.counts)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": label(row.name),
        "x": [whole.confidence[place] for place in there],
        "y": [whole.right[place] / whole.counts[place] for place in there],
        "line": {"width": 1.6, "color": colour(index)},
        "marker": {
            "size": [5 + 13 * (whole.counts[place] / most) ** 0.5 for place in there],
            "color": colour(index),
            "symbol": symbol(index),
        },
        "hovertext": [f"{whole.counts[place]} samples" for place in there],
        "hoverinfo": "x+y+text+name",
    }


def together(seeds: Sequence[Reliability]) -> Reliability:
    """The bins of all seeds as one."""
    counts = [sum(each) for each in zip(*(one.counts for one in seeds), strict=True)]
    felt = [
        sum(count * mean for count, mean in each)
        for each in zip(*(zip(one.counts, one.confidence, strict=True) for one in seeds), strict=True)
    ]
    means = [total / count if count else 0.0 for total, count in zip(felt, counts, strict=True)]
    right = [sum(each) for each in zip(*(one.right for one in seeds), strict=True)]
    return Reliability(tuple(counts), tuple(means), tuple(right))
