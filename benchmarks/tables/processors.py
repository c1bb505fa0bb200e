"""The table of what was counted on emulated processors, where a file runs in its own runtime."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from ..harness.result import Result
from .human import NONE, counted, size


def of_processor(result: Result) -> bool:
    """Whether this row belongs here and not among the microcontrollers."""
    return result.target.startswith("emu:pi")


def processors_table(results: Sequence[Result]) -> Table:
    """One row a file and processor; a failed one says so and keeps its place."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", collapse_padding=True)
    table.add_column("file", overflow="fold")
    for title in ("size", "on", "runtime", "instructions", "as on\nhost"):
        table.add_column(title, justify="left" if title in ("on", "runtime") else "right", no_wrap=True)
    for result in results:
        table.add_row(Text(Path(result.file.path).name), *_cells(result))
    return table


def disagreements(results: Sequence[Result]) -> Iterator[tuple[str, str]]:
    """Files whose outputs are not those of their reference, a line each: a fault, or another runtime's own rounding."""
    for result in results:
        if result.output and result.output.mismatches:
            wrong, values = result.output.mismatches, counted(result.output.values, "value")
            named = f"{Path(result.file.path).name} on {result.target}"
            said = f"{named}: {wrong} of {values} are not those of {result.output.reference}"
            yield ("failed", said) if result.is_wrong else ("fact", f"{said}, which rounds in its own way")


def remarks(results: Sequence[Result]) -> Iterator[tuple[str, str]]:
    """What kind of remark, and its words: what counted, and what a count is not."""
    runtimes = [result.runtime for result in results if result.instructions and result.runtime]
    for emulator in dict.fromkeys(re.sub(r" \([^)]*\)", "", str(runtime["emulator"])) for runtime in runtimes):
        yield (
            "fact",
            f"instructions of one call, counted by {emulator}; they are no time: caches and stalls are not seen",
        )


def _cells(result: Result) -> Iterator[Text]:
    yield _cell(size(result.file.bytes))
    yield _cell(result.target)
    if result.error or not result.instructions:
        yield Text("failed", "red")
        yield from (_cell(NONE), _cell(NONE))
        return
    yield _cell(f"{(result.runtime or {}).get('name', NONE)} {(result.runtime or {}).get('version', '')}".strip())
    yield _cell(f"{result.instructions.total:,}")
    if result.output is None or not result.output.reference.startswith("host"):
        yield _cell(NONE)
    else:
        yield Text("yes", "green") if result.output.mismatches == 0 else Text("no", "red")


def _cell(text: str) -> Text:
    return Text(text, style="dim" if text == NONE else "")
