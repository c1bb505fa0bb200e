"""What a report says in words, each sentence computed from its values and true also when the news is bad."""

from collections.abc import Iterator

from .derive import derive
from .human import counted, gain, micros, size, times
from .report import Report
from .result import Result
from .stats import Interval, spread
from .variant import Variant, float_source, result_of

FORMATS = {"tflite": "TFLite", "onnx": "ONNX"}


def headline(report: Report) -> str:
    """From the first row to the last: `A teacher of 98.3 % in 1.20 MB became 96.9 % in 17.0 KB.`"""
    first, last = report.variants[0], report.variants[-1]
    if first is last:
        return f"{_what(last)}."
    subject = "A teacher" if first.name == "teacher" else f"{first.name[:1].upper()}{first.name[1:]}"
    return f"{subject} of {_what(first)} became {_what(last)}."


def _what(variant: Variant) -> str:
    file, unit = variant.displayed, variant.metric.unit
    score = f"{spread(variant.test).mean:.1f} {unit}".rstrip() if variant.test else "no score"
    return f"{score} in {size(file.bytes)}" if file else score


def latency(report: Report) -> str | None:
    """What the last row's file takes here: never without its runtime, its version and its threads."""
    file = report.variants[-1].displayed
    result = result_of(report.results, file)
    calls = result.latency() if result else None
    if not (file and result and calls):
        return None
    kind = "INT8" if file.role.startswith("int8") else "Float"
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


def distillation(report: Report) -> str | None:
    """What the teacher brought, against the same net trained alone with equally many steps."""
    scores = {one.variant: one for one in derive(report.variants, report.results).scores}
    distilled = scores.get("distilled")
    if distilled is None or distilled.test is None or distilled.over_scratch is None:
        return None
    difference = distilled.over_scratch
    said = f"Distillation: {gain(difference.estimate)} points over the same student trained alone"
    if difference.low is None or difference.high is None:
        return f"{said}; one seed is too few to call it a gain or a loss."
    interval = f"95 % interval {gain(difference.low, 2)} to {gain(difference.high, 2)}"
    return f"{said} ({counted(distilled.test.n, 'seed')}, paired {interval}): {_verdict(difference)}."


def _verdict(difference: Interval) -> str:
    if not difference.excludes(0.0):
        return "chance is not excluded"
    return "a gain" if difference.estimate > 0 else "a loss, so train this student without the teacher"


def quantization(report: Report) -> str | None:
    """What INT8 cost, on the same seeds."""
    last = report.variants[-1]
    source = float_source(report.variants, last)
    if not (last.integer and source and last.test and source.test):
        return None
    change = spread(last.test).mean - spread(source.test).mean
    return f"Quantization: {gain(change, 2)} points against {source.name.removeprefix('+ ')} in float."
