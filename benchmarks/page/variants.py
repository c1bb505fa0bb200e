"""The table: from the teacher to INT8."""

from collections.abc import Iterator

from .. import sentences
from ..derive import Scores, derive
from ..human import NONE, count, gain, metric, micros_pair, size
from ..report import Report
from ..variant import Role, Variant, result_of
from .markup import Html, element, join, table
from .section import Section, colour, paragraphs

ROLES: tuple[Role, ...] = ("float onnx", "int8 onnx", "int8 tflite")
NOTE = "Sizes: 1 KB is 1024 bytes. Time: of the TFLite file where there is one, else of the ONNX file. "
ARENA = "Arena: TFLite Micro's own account, built for this machine, whose pointers are wider than a microcontroller's."


def section(report: Report) -> Section:
    head = report.variants[0].metric
    scores = {one.variant: one for one in derive(report.variants, report.results).scores}
    paired = any(one.over_scratch for one in scores.values())
    titles = ["variant", f"{head.name} {head.unit}".rstrip(), *(["over scratch"] if paired else []), "params", "MACs"]
    titles += ["float ONNX", "int8 ONNX", "int8 TFLite", "TFLM arena", "host p50 / p90"]
    rows = [
        list(_row(report, index, variant, scores[variant.name], paired))
        for index, variant in enumerate(report.variants)
    ]
    words = paragraphs(sentences.distillation(report), sentences.quantization(report))
    note = element(
        "p", NOTE, ARENA if any(file.arena for one in report.variants for file in one.files) else None, class_="note"
    )
    return Section("variants", "From teacher to INT8", table(titles, rows, class_="variants"), join([words, note]))


def _row(report: Report, index: int, variant: Variant, scores: Scores, paired: bool) -> Iterator[Html | str]:
    dot = element("span", class_="dot", style=f"background:{colour(index)}")
    yield join([dot, variant.name])
    yield metric(variant.test)
    if paired:
        yield _over(scores)
    yield count(variant.parameters)
    yield count(variant.macs)
    for file in map(variant.file, ROLES):
        yield size(file.bytes) if file else NONE
    arena = next((file.arena for file in variant.files if file.arena), None)
    yield size(arena.total if arena else None)
    result = result_of(report.results, variant.displayed)
    calls = result.latency() if result else None
    yield micros_pair(calls.p50, calls.p90) if calls else NONE


def _over(scores: Scores) -> Html | str:
    """The paired difference to the student from scratch; its interval, where there is one, on a line of its own."""
    over = scores.over_scratch
    if over is None:
        return NONE
    if over.low is None or over.high is None:
        return gain(over.estimate)
    interval = element("small", f"{gain(over.low)} to {gain(over.high)}")
    return join([gain(over.estimate), interval])
