"""The terminal's table of ways of teaching: scores on validation and test, what each is worth, and at what price."""

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from ..report.derive import Scores
from ..report.document import Report
from ..stats import Interval, Spread
from .human import NONE, gain, score, share


def teaching_table(report: Report, narrow: bool = False) -> Table:
    """One row a variant; the chosen one is marked. Where it is `narrow`, the last two columns are left to the page."""
    metric, choice = report.variants[0].metric, report.derived.choice
    table = Table(box=None, padding=(0, 1 if narrow else 2, 0, 0), header_style="bold", collapse_padding=True)
    table.add_column(f"{metric.name} {metric.unit}".rstrip(), overflow="fold")
    likeness = "same as\nteacher" if metric.unit == "%" else "off the\nteacher"
    titles = ("validation", "test", "against scratch\ntest, 95 %", "calibration\nerror", likeness, "training\ns")
    shown = len(titles) - 2 * narrow
    for title in titles[:shown]:
        table.add_column(title, justify="right", no_wrap=True)
    for one in report.derived.scores:
        chosen = choice is not None and one.variant == choice.chosen
        name = f"{one.variant}{'  ← chosen' if chosen else ''}"
        table.add_row(Text(name), *map(_cell, list(_cells(one, report))[:shown]), style="bold" if chosen else "")
    return table


def _cells(one: Scores, report: Report) -> Iterator[str]:
    metric = report.variants[0].metric
    yield score(one.validation, metric) if one.validation else NONE
    yield score(one.test, metric) if one.test else NONE
    yield difference(one.over_scratch, metric.decimals(one.test.mean) if one.test else 1)
    yield share(one.calibration_error.mean, 1) if one.calibration_error else NONE
    yield likeness(one, report)
    yield seconds(one.seconds)


def likeness(one: Scores, report: Report) -> str:
    """How alike a row and its teacher answer: the share of equal labels, or the distance of values."""
    if one.same_as_teacher:
        return share(one.same_as_teacher.mean, 1)
    return score(one.distance, report.variants[0].metric) if one.distance else NONE


def seconds(spent: Spread | None) -> str:
    """Of one training."""
    return NONE if spent is None or not spent.mean else f"{spent.mean:.{1 if spent.mean < 100 else 0}f}"


def difference(found: Interval | None, digits: int) -> str:
    """+0.6 (+0.2 to +1.0)."""
    if found is None:
        return NONE
    if found.low is None or found.high is None:
        return gain(found.estimate, digits)
    return f"{gain(found.estimate, digits)} ({gain(found.low, digits)} to {gain(found.high, digits)})"


def _cell(text: str) -> Text:
    return Text(text, style="dim" if text == NONE else "")
