"""The table: from the teacher to INT8."""

from collections.abc import Iterable, Iterator, Mapping

from ..report import sentences
from ..report.derive import derive
from ..report.document import Report
from ..report.variant import Role, Variant, result_of
from ..stats import Interval, spread
from ..tables.human import NONE, count, gain, micros_pair, named, score, size
from .markup import Html, element, join, table
from .section import Section, colour, paragraphs

ROLES: tuple[Role, ...] = ("float onnx", "int8 onnx", "int8 tflite")
NOTE = "Sizes: 1 KB is 1024 bytes. Time: of the TFLite file where there is one, else of the ONNX file. "
ARENA = "Arena: TFLite Micro's own account, built for this machine, whose pointers are wider than a microcontroller's."


def section(report: Report) -> Section:
    head = report.variants[0].metric
    derived = derive(report.variants, report.results)
    scores = {one.variant: one.over_scratch for one in derived.scores}
    changes = {one.variant: one.over_seeds for one in derived.changes}
    paired = any(scores.values())
    titles = ["variant", named(head), *(["against scratch"] if paired else []), *(["int8 − float"] if changes else [])]
    titles += ["params", "MACs"]
    titles += ["float ONNX", "int8 ONNX", "int8 TFLite", "TFLM arena", "host p50 / p90"]
    rows = [
        list(_row(report, index, variant, _differences(variant, scores if paired else None, changes or None)))
        for index, variant in enumerate(report.variants)
    ]
    taught = () if report.compared else sentences.distillations(report)
    words = paragraphs(*taught, *sentences.quantizations(report))
    note = element(
        "p", NOTE, ARENA if any(file.arena for one in report.variants for file in one.files) else None, class_="note"
    )
    return Section("variants", "From teacher to INT8", table(titles, rows, class_="variants"), join([words, note]))


def _row(report: Report, index: int, variant: Variant, differences: Iterable[Html | str]) -> Iterator[Html | str]:
    dot = element("span", class_="dot", style=f"background:{colour(index)}")
    yield join([dot, variant.name])
    yield score(variant.test, variant.metric)
    yield from differences
    yield count(variant.parameters)
    yield count(variant.macs)
    for file in map(variant.file, ROLES):
        yield size(file.bytes) if file else NONE
    arena = next((file.arena for file in variant.files if file.arena), None)
    yield size(arena.total if arena else None)
    result = result_of(report.results, variant.displayed)
    calls = result.latency() if result else None
    yield micros_pair(calls.p50, calls.p90) if calls else NONE


def _differences(variant: Variant, *columns: Mapping[str, Interval | None] | None) -> Iterator[Html | str]:
    """A cell for every column there is: the paired difference, its interval over the seeds on a line of its own."""
    for column in columns:
        if column is not None:
            yield _difference(column.get(variant.name), variant)


def _difference(found: Interval | None, variant: Variant) -> Html | str:
    if found is None:
        return NONE
    digits = variant.metric.decimals(spread(variant.test).mean)
    if found.low is None or found.high is None:
        return gain(found.estimate, digits)
    interval = element("small", f"{gain(found.low, digits)} to {gain(found.high, digits)}")
    return join([gain(found.estimate, digits), interval])
