"""The table of what an NPU's compiler estimates: nothing in it was measured or counted."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from ..harness.result import Result
from .human import NONE, counted, size

TITLES = ("on", "estimated\ncycles", "estimated\nSRAM", "estimated\nflash", "operators\non the NPU", "on the\nCPU")


def estimates_table(results: Sequence[Result]) -> Table:
    """One row a file and accelerator; a failed one says so and keeps its place."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", collapse_padding=True)
    table.add_column("file", overflow="fold")
    for title in TITLES:
        table.add_column(title, justify="left" if title == "on" else "right", no_wrap=True)
    for result in results:
        table.add_row(Text(Path(result.file.path).name), Text(result.target), *_cells(result))
    return table


def remarks(results: Sequence[Result]) -> Iterator[str]:
    """What the estimates are of, and which files do not run on the NPU alone."""
    known = [result for result in results if result.estimate]
    for result in known:
        if result.estimate and result.estimate.cpu_operators:
            left = counted(result.estimate.cpu_operators, "operator")
            yield f"{Path(result.file.path).name} on {result.target}: {left} on the CPU, whose cycles are not estimated"
    yield from dict.fromkeys(
        f"cycles of {estimate.cycles.board}, by {estimate.cycles.model}: {estimate.cycles.caveat}"
        for estimate in (result.estimate for result in known)
        if estimate
    )


def _cells(result: Result) -> Iterator[Text]:
    found = result.estimate
    if found is None:
        yield Text("failed", "red")
        yield from (Text(NONE, "dim") for _ in TITLES[2:])
        return
    yield Text(f"{found.cycles.low:,}")
    for bytes_ in (found.sram_bytes, found.flash_bytes):
        yield Text(size(bytes_))
    for number in (found.npu_operators, found.cpu_operators):
        yield Text(str(number))
