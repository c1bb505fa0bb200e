"""On emulated boards: exact instructions, memory and flash of every C package, and where the instructions go."""

from collections.abc import Iterator, Sequence
from typing import Any

from ...targets.counts import Counts
from ..harness.result import Result
from ..report.document import Report
from ..report.variant import package_arena
from ..tables.boards import cycles
from ..tables.human import NONE, size
from .markup import Html, element, join, table
from .section import Figure, Section, colour, label, paragraphs

TITLES = (
    "C package",
    "board",
    "instructions",
    "estimated cycles",
    "code",
    "weights",
    "RAM",
    "of it stack",
    "TFLM arena",
    "bit-exact",
)
NOTE = (
    "Counted under emulation, exact and the same on every run: instructions, not time. RAM: input, output, scratch "
    "and the painted stack. Bit-exact: all outputs on seeded inputs are TFLite Micro's. TFLM arena: of the same file."
)
BAR_PIXELS = 26


def section(report: Report) -> Section | None:
    counted = [one for one in report.results if one.counts]
    if not counted:
        return None
    rows = [list(_row(report, one, one.counts)) for one in counted if one.counts]
    estimate = next((one.counts.cycles_estimate for one in counted if one.counts and one.counts.cycles_estimate), None)
    caveat = f"Estimated cycles are those of {estimate.board}: {estimate.caveat}." if estimate else None
    layered = [one for one in counted if one.counts and one.counts.instructions.per_layer]
    shown = next((one for one in reversed(layered) if one.target == counted[0].target), None)
    after = join([element("p", NOTE, class_="note"), paragraphs(caveat)])
    return Section("boards", "On microcontrollers", table(TITLES, rows, 2), after, _figure(shown) if shown else None)


def _row(report: Report, result: Result, counts: Counts) -> Iterator[Html | str]:
    yield _owner(report, result)
    yield result.target.removeprefix("emu:")
    yield f"{counts.instructions.total:,}"
    yield cycles(counts.cycles_estimate)
    flash, ram = counts.flash_bytes, counts.ram_bytes
    for part in (flash.code, flash.weights, ram.total, ram.stack):
        yield size(part)
    arena = package_arena(report.variants, result)
    yield size(arena.total if arena else None)
    exact = counts.agreement.mismatches == 0
    yield element("span", "yes" if exact else "no", class_=f"badge {'good' if exact else 'bad'}")


def _owner(report: Report, result: Result) -> str:
    """The variant that the package belongs to."""
    named = (one.name for one in report.variants for file in one.files if file.sha256 == result.file.sha256)
    return next(named, result.file.path)


def _figure(result: Result) -> Figure:
    """The instructions of each layer, the first on top."""
    assert result.counts
    layers = list(reversed(result.counts.instructions.per_layer))
    total = result.counts.instructions.total
    names = [label(f"{one.function.split('_', 2)[1]} {one.kind}") for one in layers]
    counts = [one.instructions for one in layers]
    said = [f"{one.instructions:,} ({100 * one.instructions / total:.0f} %)" for one in layers]
    bars: dict[str, Any] = {
        "type": "bar",
        "orientation": "h",
        "x": counts,
        "y": names,
        "text": said,
        "textposition": "outside",
        "cliponaxis": False,
        "hovertext": [label(f"{one.name}: {one.macs:,} MACs") for one in layers],
        "hoverinfo": "text",
        "marker": {"color": colour(3)},
    }
    board = result.target.removeprefix("emu:")
    layout = {
        "xaxis": {"title": {"text": f"instructions of each layer, {board}"}, "range": [0, 1.25 * max(counts)]},
        "yaxis": {"automargin": True, "showgrid": False},
        "height": 110 + BAR_PIXELS * len(layers),
    }
    return Figure([bars], layout, _in_words(names, counts))


def _in_words(names: Sequence[str], counts: Sequence[int]) -> str:
    pairs = sorted(zip(counts, names, strict=True), reverse=True)[:3]
    return f"the most instructions: {'; '.join(f'{name}: {count:,}' for count, name in pairs)}" if pairs else NONE
