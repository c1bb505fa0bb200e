"""Every file: exact bytes, digest, memory and time."""

from collections.abc import Iterator

from ..harness.result import Result
from ..report import sentences
from ..report.document import Report
from ..report.variant import ModelFile, Variant, result_of
from ..tables.human import NONE, micros, score_and_unit, size
from ..tables.table import failures, warnings
from .markup import Html, element, join, table
from .section import Section

TITLES = ("bytes", "p50", "p90", "p99", "first", "memory", "runtime", "sha-256")
NOTE = "Memory: what the process grew by at its peak, from the runtime imported and the file still closed. "
P99 = "p99 needs 1,000 calls. "


def section(report: Report) -> Section:
    scored = any(file.score is not None for variant in report.variants for file in variant.files)
    titles = ("file", "variant", *(["score"] if scored else []), *TITLES)
    rows = [_row(report, variant, file, scored) for variant in report.variants for file in variant.files]
    runtimes = sorted({sentences.runtime(result) for result in report.results if result.runtime})
    ran = f"Run in {'; '.join(runtimes)}." if runtimes else None
    note = element("p", NOTE, P99, ran, class_="note")
    return Section("files", "Files", table(titles, rows, numeric=2), note)


def _row(report: Report, variant: Variant, file: ModelFile, scored: bool) -> Iterator[Html | str]:
    result = result_of(report.results, file)
    yield element("code", file.name)
    yield variant.name
    if scored:
        yield score_and_unit([file.score], variant.metric) if file.score is not None else NONE
    yield f"{file.bytes:,}"
    yield from _times(result)
    yield size(result.peak_memory_bytes if result else None)
    yield _runtime(result)
    yield element("code", file.sha256[:8], title=file.sha256)


def _runtime(result: Result | None) -> str:
    if result is None:
        return NONE
    return "failed" if result.error else sentences.runtime_name(result)


def _times(result: Result | None) -> Iterator[str]:
    latency = result.latency() if result else None
    for value in (latency.p50, latency.p90, latency.p99, latency.first) if latency else (None,) * 4:
        yield micros(value)


def doubts(report: Report) -> Section | None:
    """Why not to trust it all: failures first, then warnings, then the run's own notes."""
    failed = [element("li", text, class_="failed") for text in failures(report.results)]
    warned = [
        element("li", text) for text in (sentences.mixed(report), *warnings(report.results), *report.notes) if text
    ]
    if not failed and not warned:
        return None
    return Section("doubts", "Before you believe it", element("ul", join([*failed, *warned]), class_="doubts"))
