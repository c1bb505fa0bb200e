"""What a report says in words, each sentence computed from its values and true also when the news is bad."""

from collections.abc import Iterator

from ...pipeline.task import Metric
from ..harness.result import Result
from ..stats import Interval, spread
from ..tables.human import change, counted, gain, micros, size, times
from .derive import DISTILLED, SCRATCH, Change, Scores, derive
from .document import Report
from .variant import Variant, result_of

FORMATS = {"tflite": "TFLite", "onnx": "ONNX"}


def headline(report: Report) -> str:
    """From the first row to the last: `A teacher of 98.3 % in 1.20 MB became 96.9 % in 17.0 KB.`"""
    first, last = report.variants[0], report.variants[-1]
    if first is last:
        return f"{_what(last)}."
    subject = "A teacher" if first.name == "teacher" else f"{first.name[:1].upper()}{first.name[1:]}"
    which = f": {last.name}" if _rivals(report) else ""
    return f"{subject} of {_what(first)} became {_what(last)}{which}."


def _what(variant: Variant) -> str:
    file = variant.displayed
    score = variant.metric.said(spread(variant.test).mean) if variant.test else "no score"
    return f"{score} in {size(file.bytes)}" if file else score


def _rivals(report: Report) -> bool:
    """Whether the last row is one INT8 model of several, so that it wants its name."""
    files = (variant.displayed for variant in report.variants)
    return sum(file is not None and file.role.startswith("int8") for file in files) > 1


def latency(report: Report) -> str | None:
    """What the last row's file takes here: never without its runtime, its version and its threads."""
    file = report.variants[-1].displayed
    result = result_of(report.results, file)
    calls = result.latency() if result else None
    if not (file and result and calls):
        return None
    kind = "INT8" if file.role.startswith("int8") else "Float"
    if _rivals(report):
        kind = f"{report.variants[-1].name[:1].upper()}{report.variants[-1].name[1:]}"
    return f"{kind} runs in {micros(calls.p50)} (p50; p90 {micros(calls.p90)}) in {runtime(result)} on this machine."


def runtime(result: Result) -> str:
    """LiteRT 2.3.0 with XNNPACK, 1 thread."""
    facts = result.runtime or {}
    delegate = " with XNNPACK" if facts.get("delegate") == "XNNPACK" else ""
    threads = counted(int(facts.get("threads", 1)), "thread")
    return f"{runtime_name(result)} {facts.get('version', '')}{delegate}, {threads}"


def runtime_name(result: Result) -> str:
    """The runtime as its makers write it."""
    name = str((result.runtime or {}).get("name"))
    return {"litert": "LiteRT", "onnxruntime": "ONNX Runtime"}.get(name, name)


def speeds(report: Report) -> Iterator[str]:
    """Every INT8 file against the float file it came from, in the same runtime, with the interval of the ratio."""
    for one in derive(report.variants, report.results).speeds:
        yield f"{FORMATS[one.format]}: {_speed(one.ratio)}."
        if one.why_slower:
            yield f"Why INT8 is slower there: {one.why_slower}."


def _speed(ratio: Interval) -> str:
    low, high = ratio.low or ratio.estimate, ratio.high or ratio.estimate
    if not ratio.excludes(1.0):
        return "INT8 and its float file take the same time, as far as this run can tell"
    word, factor = ("faster", ratio.estimate) if ratio.estimate > 1 else ("slower", 1 / ratio.estimate)
    least, most = sorted((low, high) if ratio.estimate > 1 else (1 / low, 1 / high))
    return f"INT8 is {times(factor)} {word} than its float file (95 % interval {least:.2f} to {most:.2f})"


def mixed(report: Report) -> str | None:
    """A warning when the rows of the table ran in different runtimes, and which is the odd one."""
    rows: dict[str, list[str]] = {}
    for variant in report.variants:
        result = result_of(report.results, variant.displayed)
        if result and result.latency():
            rows.setdefault(runtime_name(result), []).append(variant.name)
    if len(rows) < 2:
        return None
    said = "; ".join(f"{name}: {', '.join(variants)}" for name, variants in rows.items())
    return f"The rows' times come from different runtimes ({said}): compare within one only."


def distillations(report: Report) -> Iterator[str]:
    """What teaching brought each student, against the same net trained alone with equally many steps."""
    for one in derive(report.variants, report.results).scores:
        if _is_taught(report, one.variant):
            title = "Distillation" if one.variant == DISTILLED else f"Distillation, {one.variant}"
            if said := _brought(one, report, title):
                yield said


def _is_taught(report: Report, name: str) -> bool:
    """Whether the row is a student that was taught, of the same net as the one trained alone: no assistant."""
    made = report.lineage.get("distill" if name == DISTILLED else name, {})
    alone = report.lineage.get("scratch", {}).get("options", {})
    told = name == DISTILLED or made.get("stage") == "distill"
    return told and all(made.get("options", alone).get(key) == alone.get(key) for key in ("model", "options"))


def _brought(one: Scores, report: Report, title: str) -> str | None:
    if one.test is None or one.over_scratch is None:
        return None
    difference, metric = one.over_scratch, report.variants[0].metric
    near = one.test.mean
    alone = f"the same student trained alone{_unequal(report, one.variant)}"
    said = f"{title}: {change(difference.estimate, metric, near)} against {alone}"
    if difference.low is None and not difference.alike:
        few = "one seed is too few" if one.test.n < 2 else "two seeds that agree exactly are too few"
        return f"{said}; {few} to call it a gain or a loss."
    found = "the same in each" if difference.alike else f"paired 95 % interval {between(difference, metric, near)}"
    return f"{said} ({counted(one.test.n, 'seed')}, {found}): {verdict(difference, metric)}."


def _unequal(report: Report, taught: str) -> str:
    """Early stopping may give the two kinds of student other budgets: then their epochs, seed by seed, are told."""
    trained = [
        [len(curve.validation) for curve in report.curves if curve.variant == name] for name in (taught, SCRATCH)
    ]
    if trained[0] == trained[1] or not all(trained):
        return ""
    own, alone = ("/".join(map(str, epochs)) for epochs in trained)
    return f", each stopped by validation, after {own} epochs and {alone}"


def between(interval: Interval, metric: Metric, near: float) -> str:
    """−0.25 to +0.05: one decimal more than the score itself."""
    digits = metric.decimals(near) + 1
    return " to ".join(gain(end, digits) for end in (interval.low, interval.high) if end is not None)


def verdict(difference: Interval, metric: Metric) -> str:
    if not difference.excludes(0.0):
        return "neither a gain nor a loss" if difference.alike else "chance is not excluded"
    gained = difference.estimate * metric.sign > 0
    return "a gain" if gained else "a loss, so train this student without the teacher"


def quantizations(report: Report) -> Iterator[str]:
    """What INT8 cost each variant that has it, and how far other trainings or other samples would move it."""
    metric = report.variants[0].metric
    rows = {variant.name: variant for variant in report.variants}
    for one in derive(report.variants, report.results).changes:
        if one.over_seeds is None:
            continue
        near = spread(rows[one.source].test).mean
        said = f"{change(one.over_seeds.estimate, metric, near, finer=1)} against {_plain(one.source)} in float"
        intervals = "; ".join(_intervals(one, metric, near, len(rows[one.variant].seeds)))
        worse = " (less is better)" if metric.better == "lower" else ""
        yield f"Quantization: {said}{worse}{'; ' if intervals else ''}{intervals}."


def _intervals(one: Change, metric: Metric, near: float, seeds: int) -> Iterator[str]:
    if one.over_seeds and one.over_seeds.low is not None:
        ends = between(one.over_seeds, metric, near)
        yield f"had other seeds trained the nets, {ends} (95 %, paired over {counted(seeds, 'seed')})"
    if one.over_samples and one.over_samples.low is not None:
        ends = between(one.over_samples, metric, near)
        yield f"had other samples been tested, {ends} (95 %, paired over {one.samples:,} samples, first seed alone)"


def _plain(name: str) -> str:
    return name.removeprefix("+ ")
