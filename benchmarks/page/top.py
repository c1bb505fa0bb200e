"""The top of the page: what came out, in one sentence and a few large figures."""

import re
from collections.abc import Iterator

from ..report import sentences
from ..report.document import Report
from ..report.variant import ModelFile, result_of
from ..stats import spread
from ..tables.human import change, counted, micros, score_and_unit, size, times
from .markup import Html, element


def header(report: Report) -> Html:
    """Recipe and data, the headline, and the tiles."""
    above = element("p", element("b", "edgestill"), f" · {report.recipe} · {report.data}", class_="above")
    lead = sentences.latency(report)
    tiles = (
        element("div", element("dt", name), element("dd", value), element("p", said))
        for name, value, said in _tiles(report)
    )
    return element(
        "header",
        above,
        element("h1", _unbroken(sentences.headline(report))),
        element("p", lead, class_="lead") if lead else None,
        element("dl", *tiles, class_="tiles"),
    )


def _unbroken(text: str) -> str:
    """No line ends between a figure and its unit."""
    return re.sub(r"(?<=\d) (?=%|[KMG]?B\b|µs|ms)", "\u00a0", text)


def _tiles(report: Report) -> Iterator[tuple[str, str, str]]:
    """Name, figure and a few words."""
    first, last = report.variants[0], report.variants[-1]
    start, end = first.displayed, last.displayed
    if last.test:
        said = counted(len(last.test), "seed")
        if first is not last and first.test:
            end_score, start_score = spread(last.test).mean, spread(first.test).mean
            moved = change(end_score - start_score, last.metric, end_score)
            said = f"{moved} from {first.name}, {said}"
        yield f"{last.metric.name} on test", score_and_unit(last.test, last.metric), said
    if start and end and start is not end and end.bytes < start.bytes:
        yield "smaller", times(start.bytes / end.bytes), f"{_sized(start)} to {_sized(end)}"
    if first.macs and last.macs and last.macs < first.macs:
        yield "fewer MACs", times(first.macs / last.macs), "multiply-accumulates of one inference"
    result = result_of(report.results, end)
    calls = result.latency() if result else None
    if result and calls:
        doubted = "; doubted, see below" if result.degraded() else ""
        yield "p50 on this machine", micros(calls.p50), f"p90 {micros(calls.p90)}, {sentences.runtime(result)}{doubted}"
    arena = end.arena if end else None
    if arena:
        yield "arena", size(arena.total), f"TFLite Micro: {size(arena.head)} reused, {size(arena.tail)} kept"


def _sized(file: ModelFile) -> str:
    """With its format, for the table has sizes of other formats too."""
    return f"{size(file.bytes)} of {sentences.FORMATS[file.role.split()[-1]]}"
