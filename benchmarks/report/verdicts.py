"""What a comparison says in words: which way of teaching to take, what it is worth on test, what changed since."""

from collections.abc import Iterator

from ...pipeline.distillation.methods.catalog import WITHOUT_TEACHER
from ..stats import Interval
from ..tables.human import change, counted, gain, micros, size
from .derive import SHUFFLED, Scores
from .document import Report
from .sentences import between, verdict


def said(report: Report) -> Iterator[str]:
    """The choice, the control, and what changed."""
    yield from choice(report)
    if found := control(report):
        yield found
    yield from since(report)


def choice(report: Report) -> Iterator[str]:
    """Which candidate validation chooses and by how much, and what test says of it; nothing where none is there."""
    found, scores = report.derived.choice, {one.variant: one for one in report.derived.scores}
    if found is None:
        return
    metric, own = report.variants[0].metric, scores[found.chosen]
    near = own.validation.mean if own.validation else 0.0
    of = f"of {len(found.candidates)}, {counted(own.validation.n if own.validation else 0, 'seed')}"
    lead = f"Chosen on validation ({of}): {found.chosen}"
    if found.over_scratch is None:
        yield f"{lead}; no way of teaching beats it there beyond noise."
    else:
        yield f"{lead}, {_told(found.over_scratch, report, near)} against the student from scratch there."
    if own.over_scratch and own.test:
        worth = _told(own.over_scratch, report, own.test.mean)
        yield f"On test, which chose nothing, {found.chosen}: {worth}: {verdict(own.over_scratch, metric)}."


def doubts(report: Report) -> Iterator[str]:
    """What to know before believing the choice."""
    found, scores = report.derived.choice, {one.variant: one for one in report.derived.scores}
    if found is None:
        return
    own = scores[found.chosen]
    if found.best_over_chosen and own.validation:
        worth = _told(found.best_over_chosen, report, own.validation.mean)
        yield (
            f"within noise: {found.best} is best on validation, but its {worth} over {found.chosen} may be chance; "
            f"the simpler one is taken{_more_seeds(own)}"
        )
    control = scores.get(SHUFFLED)
    if control and control.over_scratch and control.test:
        yield from _of_control(control, report)


def _more_seeds(own: Scores) -> str:
    few = own.validation is None or own.validation.n < 5
    return "; more seeds tell more (--seeds)" if few else ""


def _of_control(control: Scores, report: Report) -> Iterator[str]:
    """A teacher whose outputs belong to other samples must bring nothing."""
    assert control.over_scratch and control.test
    sign = report.variants[0].metric.sign
    if control.over_scratch.excludes(0.0) and control.over_scratch.estimate * sign > 0:
        worth = _told(control.over_scratch, report, control.test.mean)
        yield (
            f"the control fails: even a shuffled teacher seems to bring {worth}; what teaching brings here is not "
            f"what the teacher knows, but softer labels{_or_else(report)} or a luckier training"
        )


def _or_else(report: Report) -> str:
    return "".join(f", {name}, which needs no teacher," for name in _without_teacher(report))


def _without_teacher(report: Report) -> list[str]:
    """The control's methods that need no teacher, so that nothing is taken of them by shuffling."""
    methods = report.lineage.get(SHUFFLED, {}).get("options", {}).get("methods", ())
    return [method["name"] for method in methods if method["name"] in WITHOUT_TEACHER]


def _shuffled(report: Report) -> str:
    """The teacher of the control, and what the control has besides or has not."""
    free = _without_teacher(report)
    beside = f", beside {' and '.join(free)}, which {'need' if free[1:] else 'needs'} none," if free else ""
    begun = any(made.get("options", {}).get("initial") for made in report.lineage.values())
    return f"a teacher with shuffled outputs{' and no weights to begin with' if begun else ''}{beside}"


def control(report: Report) -> str | None:
    """What the shuffled teacher brought, where that was asked for."""
    scores = {one.variant: one for one in report.derived.scores}
    found = scores.get(SHUFFLED)
    if found is None or found.over_scratch is None or found.test is None:
        return None
    worth = _told(found.over_scratch, report, found.test.mean)
    gained = found.over_scratch.estimate * report.variants[0].metric.sign > 0 and found.over_scratch.excludes(0.0)
    return f"Control: {_shuffled(report)} brings {worth} on test" + ("." if gained else ": no gain.")


def since(report: Report) -> Iterator[str]:
    """Row by row what changed against the baseline."""
    baseline = report.baseline
    if baseline is None:
        return
    rows = {row.name: row for row in report.variants}
    if not report.derived.since:
        yield f"Against {baseline.recipe} of {baseline.created}: no row of these has the same name and metric there."
    for one in report.derived.since:
        parts = []
        if one.test:
            near = sum(rows[one.variant].test) / len(rows[one.variant].test)
            parts.append(f"{_told(one.test, report, near)} on test, {counted(one.seeds, 'seed')}")
        if one.bytes is not None:
            parts.append(f"{gain(one.bytes, 0)[:1] if one.bytes else ''}{size(abs(one.bytes))}")
        if one.p50_us is not None:
            parts.append(f"p50 {'−' if one.p50_us < 0 else '+'}{micros(abs(one.p50_us))}")
        if parts:
            yield f"Against {baseline.recipe} of {baseline.created}, {one.variant}: {'; '.join(parts)}."
    if not baseline.same_samples:
        which = f"data, {baseline.data}" if baseline.data != report.data else f"samples of {baseline.data}"
        yield f"The baseline is of other {which}: scores on test are not compared with it."


def _told(difference: Interval, report: Report, near: float) -> str:
    """+0.6 points (95 % interval +0.2 to +1.0)."""
    metric = report.variants[0].metric
    said = change(difference.estimate, metric, near)
    if difference.low is None:
        return f"{said} ({'the same in every seed' if difference.alike else 'no interval'})"
    return f"{said} (95 % interval {between(difference, metric, near)})"
