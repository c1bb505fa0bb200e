"""The table of what was counted on emulated boards, and what to know of it."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from ...targets.counts import CyclesEstimate
from ..harness.result import Result
from .human import NONE, counted, size, three

TITLES = (
    "on",
    "instructions",
    "estimated\ncycles",
    "code",
    "weights",
    "RAM",
    "of it\nstack",
    "TFLM\narena",
    "bit-\nexact",
)


def boards_table(results: Sequence[Result]) -> Table:
    """One row a file and board; a failed one says so and keeps its place."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", collapse_padding=True)
    table.add_column("file", overflow="fold")
    for title in TITLES:
        table.add_column(title, justify="left" if title == "on" else "right", no_wrap=True)
    for result in results:
        table.add_row(Text(Path(result.file.path).name), *_cells(result))
    return table


def remarks(results: Sequence[Result]) -> Iterator[tuple[str, str]]:
    """What kind of remark, and its words: wrong outputs, counts that vary, what built and ran, what an estimate is."""
    for result in results:
        if result.output and result.counts and result.output.mismatches:
            wrong, values = result.output.mismatches, result.output.values
            yield (
                "failed",
                f"{_named(result)}: {wrong} of {counted(values, 'value')} are not {result.output.reference}'s",
            )
    varying = [result for result in results if result.counts and not result.counts.instructions.input_independent]
    if varying:
        more = f" (and {counted(len(varying) - 1, 'row')} more)" if len(varying) > 1 else ""
        yield (
            "fact",
            f"{_named(varying[0])}: how many instructions it takes depends on the input{_where(varying[0])}{more}",
        )
    for made, boards in _tools(results).items():
        yield "fact", f"{', '.join(boards)}: {made}"
    estimates = [result.counts.cycles_estimate for result in results if result.counts and result.counts.cycles_estimate]
    if estimates:
        named = "; ".join(sorted({estimate.board for estimate in estimates}))
        yield "fact", f"cycles of {named}: {estimates[0].caveat}"


def _where(result: Result) -> str:
    """In how many layers."""
    layers = result.counts.instructions.per_layer if result.counts else ()
    return (
        f" in {sum(not layer.input_independent for layer in layers)} of {counted(len(layers), 'layer')}"
        if layers
        else ""
    )


def _tools(results: Sequence[Result]) -> dict[str, list[str]]:
    """What built and ran, each with its boards."""
    found: dict[str, list[str]] = {}
    for result in results:
        if result.counts and result.runtime:
            made = re.sub(r" \([^)]*\)", "", f"{result.runtime['compiler']}; {result.runtime['emulator']}")
            boards = found.setdefault(made, [])
            if result.target not in boards:
                boards.append(result.target)
    return found


def _named(result: Result) -> str:
    return f"{Path(result.file.path).name} on {result.target}"


def _cells(result: Result) -> Iterator[Text]:
    counts = result.counts
    yield _cell(result.target)
    if counts is None or result.output is None:
        known = result.counted()
        yield Text("failed", "red") if result.error else _cell(f"{known.total:,}" if known else NONE)
        yield from (_cell(NONE) for _ in TITLES[2:])
        return
    yield _cell(f"{counts.instructions.total:,}")
    yield _cell(cycles(counts.cycles_estimate))
    flash, ram = counts.flash_bytes, counts.ram_bytes
    for bytes_ in (flash.code, flash.weights, ram.total, ram.stack):
        yield _cell(size(bytes_))
    yield _cell(size(result.arena.total if result.arena else None))
    yield Text("yes", "green") if result.output.mismatches == 0 else Text("no", "red")


def cycles(estimate: CyclesEstimate | None) -> str:
    """1.88-2.54 M."""
    if estimate is None:
        return NONE
    factor, unit = (1e6, "M") if estimate.low >= 1e6 else (1e3, "k")
    return f"{three(estimate.low / factor)}-{three(estimate.high / factor)} {unit}"


def _cell(text: str) -> Text:
    return Text(text, style="dim" if text == NONE else "")
