"""Which way of teaching to take: what each is worth against the student from scratch, with its interval."""

from collections.abc import Sequence
from typing import Any

from ..report import verdicts
from ..report.derive import SCRATCH, SHUFFLED, Scores
from ..report.document import Report
from ..tables.human import NONE, named, score, share
from ..tables.teaching import difference, likeness, seconds
from .markup import Html, element, join, table
from .section import Figure, Section, colour, label, paragraphs, symbol

NOTE = (
    "Bars: 95 % intervals of the difference, paired over the seeds. Validation chooses; test is only told. "
    "Calibration error: expected, 15 bins. Seconds: of one training, by the clock on the wall, without the teacher's."
)


def section(report: Report) -> Section | None:
    if not report.compared:
        return None
    scores = report.derived.scores
    drawn = [one for one in scores if one.over_scratch and one.variant not in (SCRATCH, SHUFFLED)]
    words = paragraphs(*verdicts.said(report), *verdicts.doubts(report))
    after = join([_table(report, scores), element("p", NOTE, class_="note")])
    return Section("teaching", "Which way of teaching", words, after, _figure(report, drawn) if drawn else None)


def _figure(report: Report, drawn: Sequence[Scores]) -> Figure:
    metric = report.variants[0].metric
    names = [one.variant for one in reversed(drawn)]
    layout = {
        "xaxis": {"title": {"text": label(f"against the student from scratch, {metric.step or metric.name}")}},
        "yaxis": {"tickvals": list(range(len(names))), "ticktext": [label(name) for name in names]},
        "height": 150 + 46 * len(names),
        "showlegend": True,
        "shapes": [_zero(len(names))],
    }
    traces = [_points(report, drawn, split, index) for index, split in enumerate(("test", "validation"))]
    said = "; ".join(f"{one.variant}: {difference(one.over_scratch, 2)}" for one in drawn)
    return Figure(traces, layout, f"Difference to the student from scratch on test: {said}")


def _zero(rows: int) -> dict[str, Any]:
    line = {"dash": "dot", "width": 1.5, "color": "var(--faint)"}
    return {"type": "line", "x0": 0, "x1": 0, "y0": -0.6, "y1": rows - 0.4, "line": line, "layer": "below"}


def _points(report: Report, drawn: Sequence[Scores], split: str, index: int) -> dict[str, Any]:
    """Test and validation of a row beside each other."""
    found = [one.over_scratch if split == "test" else one.validation_over_scratch for one in reversed(drawn)]
    known = [(place, one) for place, one in enumerate(found) if one]
    reach = [0.0 if one.high is None else one.high - one.estimate for _, one in known]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": split,
        "x": [one.estimate for _, one in known],
        "y": [place + 0.1 - 0.2 * index for place, _ in known],
        "error_x": {"type": "data", "array": reach, "thickness": 1.6, "color": colour(2 + index)},
        "marker": {"size": 10, "color": colour(2 + index), "symbol": symbol(index)},
        "hovertext": [difference(one, report.variants[0].metric.decimals(one.estimate) + 1) for _, one in known],
        "hoverinfo": "text+name",
    }


def _table(report: Report, scores: Sequence[Scores]) -> Html:
    metric, choice = report.variants[0].metric, report.derived.choice
    alike = "same label as the teacher" if any(one.same_as_teacher for one in scores) else "off the teacher"
    titles = ["row", f"{named(metric)}, on validation", "on test", "against scratch, on test", "calibration error"]
    rows = []
    for one in scores:
        chosen = choice is not None and one.variant == choice.chosen
        badge = element("span", "chosen", class_="badge good") if chosen else None
        rows.append(
            [
                join([one.variant, badge]),
                score(one.validation, metric) if one.validation else NONE,
                score(one.test, metric) if one.test else NONE,
                difference(one.over_scratch, metric.decimals(one.test.mean) if one.test else 1),
                share(one.calibration_error.mean, 1) if one.calibration_error else NONE,
                likeness(one, report),
                f"{one.divergence.mean:.3f}" if one.divergence else NONE,
                seconds(one.seconds),
            ]
        )
    return table([*titles, alike, "divergence, nats", "training, s"], rows)
