"""The confusion matrix, in which only mistakes are coloured, so that they can be seen."""

from typing import Any

from ..report.document import Confusion, Report
from .section import Figure, Section, label, paragraphs

WRITTEN = 20  # labels, at most, for which the counts are written into the cells
NAMED = 3  # mistakes that the sentence names


def section(report: Report) -> Section | None:
    found = report.confusion
    if found is None:
        return None
    axis = {"type": "category", "showgrid": False, "ticks": ""}
    layout = {
        "xaxis": {**axis, "title": {"text": "what the model says"}, "constrain": "domain"},
        "yaxis": {**axis, "title": {"text": "what it is"}, "autorange": "reversed", "scaleanchor": "x"},
        "height": 520,
    }
    figure = Figure([_cells(found, right=True), _cells(found, right=False)], layout, _said(found))
    return Section("mistakes", "Mistakes on the test split", paragraphs(_said(found)), figure=figure)


def _cells(found: Confusion, right: bool) -> dict[str, Any]:
    """The diagonal, or everything else; the other cells stay empty."""
    size = range(len(found.labels))
    shown = [[found.counts[row][column] if (row == column) is right else None for column in size] for row in size]
    return {
        "type": "heatmap",
        "z": shown,
        "x": [label(name) for name in found.labels],
        "y": [label(name) for name in found.labels],
        "text": [[str(count) if count else "" for count in row] for row in shown],
        "texttemplate": "%{text}" if len(found.labels) <= WRITTEN else "",
        "colorscale": [[0, f"var(--{'right' if right else 'calm'})"], [1, f"var(--{'right' if right else 'wrong'})"]],
        "showscale": False,
        "hoverinfo": "skip",
        "xgap": 2,
        "ygap": 2,
    }


def _said(found: Confusion) -> str:
    """How many are right, and the commonest mistakes: `4 taken for 9 (6 times)`."""
    total = sum(map(sum, found.counts))
    right = sum(row[place] for place, row in enumerate(found.counts))
    wrong = sorted(
        (
            (-count, true, told)
            for true, row in enumerate(found.counts)
            for told, count in enumerate(row)
            if true != told and count
        )
    )
    named = [f"{found.labels[true]} taken for {found.labels[told]} ({-count}×)" for count, true, told in wrong[:NAMED]]
    most = f"; most often {', '.join(named)}" if named else ""
    return f"{found.file} labels {right:,} of {total:,} samples correctly{most}."
