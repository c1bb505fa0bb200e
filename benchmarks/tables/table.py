"""The terminal's tables: variants of a run, results of a bench, and under them what to know before believing them."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...pipeline.errors import MissingTool
from ...pipeline.task import Metric
from ...targets.target import Evidence
from ..harness.readings import readings
from ..harness.result import Result
from ..harness.sustained import of_long_runs, sustained_table
from ..report import sentences, verdicts
from ..report.document import Report
from ..report.variant import Role, Variant, package_arena, result_of
from . import estimates as estimate_table
from . import processors as processor_table
from .boards import boards_table, remarks
from .browsers import of_browsers
from .estimates import estimates_table
from .human import NONE, count, counted, micros, micros_pair, score, size
from .narrow import fitting
from .phones import of_phones
from .processors import disagreements, of_processor, processors_table
from .remark import print_remark
from .teaching import teaching_table

PIPED_WIDTH = 120
NARROW = 104  # columns below which a comparison leaves its last two to the page


def print_report(report: Report, out: Path, console: Console | None = None) -> None:
    """The table of a run, what follows from it in words, warnings, and where everything lies."""
    console = console or _console()
    console.print()
    if report.compared:
        console.print(teaching_table(report, narrow=console.width < NARROW))
        console.print()
    console.print(fitting(variants_table(report), console))
    console.print()
    emulated = [replace(one, arena=package_arena(report.variants, one)) for one in report.results if one.counts]
    if emulated:
        console.print(fitting(boards_table(emulated), console))
        console.print()
    for text in _words(report):
        print_remark(console, "fact", text)
    for kind, text in (*remarks(emulated), *of_long_runs(report.results)):
        print_remark(console, kind, text)
    mixed = sentences.mixed(report)
    for text in (*verdicts.doubts(report), *([mixed] if mixed else []), *report.notes, *warnings(report.results)):
        print_remark(console, "warning", text)
    for text in failures([one for one in report.results if not _lacks_tool(one)]):
        print_remark(console, "failed", text)
    for text in failures([one for one in report.results if _lacks_tool(one)]):
        print_remark(console, "fact", f"not counted: {text}")
    console.print(f"\nfiles   {out}\nreport  {out / 'report.html'}", markup=False, highlight=False, soft_wrap=True)


def print_results(results: Sequence[Result], console: Console | None = None, compared: Sequence[str] = ()) -> None:
    """The tables of `edgestill bench`, and under them what to know before believing them.

    `compared` is what is known of these rows beside earlier ones.
    """
    console = console or _console()
    for index, (_, table) in enumerate(tables_of(results)):
        console.print(*[""] * bool(index), fitting(table, console), sep="\n")
    for kind, text in remarks_on(results, compared):
        print_remark(console, kind, text)


def tables_of(results: Sequence[Result]) -> Iterator[tuple[str, Table]]:
    """What was measured, counted under emulation, estimated, and sustained, as far as anything was: they share no
    column."""
    measured, processors, boards, estimated = _sorted(results)
    pairs = (
        ("measured", measured, results_table),
        ("counted on processors", processors, processors_table),
        ("counted on boards", boards, boards_table),
        ("estimated", estimated, estimates_table),
        ("sustained", [one for one in results if one.sustained], sustained_table),
    )
    yield from ((name, table(rows)) for name, rows, table in pairs if rows)


def remarks_on(results: Sequence[Result], compared: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """What kind of remark, and its words: wrong outputs first, failures last."""
    measured, processors, boards, estimated = _sorted(results)
    yield from disagreements([*measured, *processors])
    yield from readings(measured)
    yield from of_long_runs(results)
    facts = (compared, of_processors(measured), of_browsers(measured), of_phones(measured))
    yield from (("fact", text) for texts in facts for text in texts)
    yield from processor_table.remarks(processors)
    yield from remarks(boards)
    yield from (("fact", text) for text in estimate_table.remarks(estimated))
    yield from (("warning", text) for text in warnings(results))
    yield from (("failed", text) for text in failures(results))


def _sorted(results: Sequence[Result]) -> tuple[list[Result], list[Result], list[Result], list[Result]]:
    """Measured, emulated on a processor, emulated on a board, estimated."""
    measured, emulated, estimated = ([one for one in results if one.evidence is kind] for kind in Evidence)
    on_processors = [one for one in emulated if of_processor(one)]
    return measured, on_processors, [one for one in emulated if not of_processor(one)], estimated


def variants_table(report: Report) -> Table:
    """One row a variant; a dash stands where there is no such file."""
    head = report.variants[0].metric
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", collapse_padding=True)
    table.add_column("variant", overflow="fold")
    table.add_column(_title(head), justify="right", no_wrap=True)
    for title in ("params", "MACs", "float\nonnx", "int8\nonnx", "int8\ntflite", "TFLM\narena", "host\np50 / p90"):
        table.add_column(title, justify="right", no_wrap=True)
    for variant in report.variants:
        last = variant is report.variants[-1]
        table.add_row(Text(variant.name), *_cells(report, variant), style="bold" if last else "")
    return table


def _title(metric: Metric) -> str:
    """On two lines: `accuracy` over `%`, `mean absolute` over `error °C`."""
    words = metric.name.split()
    return f"{' '.join(words[:2])}\n{' '.join((*words[2:], metric.unit))}".rstrip()


def _cells(report: Report, variant: Variant) -> Iterator[Text]:
    yield _cell(score(variant.test, variant.metric))
    yield _cell(count(variant.parameters))
    yield _cell(count(variant.macs))
    roles: tuple[Role, ...] = ("float onnx", "int8 onnx", "int8 tflite")
    for file in map(variant.file, roles):
        yield _cell(size(file.bytes) if file else NONE)
    arena = next((file.arena for file in variant.files if file.arena), None)
    yield _cell(size(arena.total) if arena else NONE)
    result = result_of(report.results, variant.displayed)
    calls = result.latency() if result else None
    yield _cell(micros_pair(calls.p50, calls.p90) if calls else NONE)


def results_table(results: Sequence[Result]) -> Table:
    """One row a file and target; a failed one says so and keeps its place."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", collapse_padding=True)
    table.add_column("file", overflow="fold")
    for title in ("size", "on", "runtime", "p50", "p90", "p99", "first", "memory\npeak", "TFLM\narena"):
        table.add_column(title, justify="left" if title in ("on", "runtime") else "right", no_wrap=True)
    for result in results:
        table.add_row(Text(Path(result.file.path).name), *_result_cells(result))
    return table


def _result_cells(result: Result) -> Iterator[Text]:
    calls = result.latency()
    yield _cell(size(result.file.bytes))
    yield _cell(result.target)
    yield Text("failed", "red") if result.error else _cell(str((result.runtime or {}).get("name", NONE)))
    for value in (calls.p50, calls.p90, calls.p99, calls.first) if calls else (None,) * 4:
        yield _cell(micros(value))
    yield _cell(size(result.peak_memory_bytes))
    yield _cell(size(result.arena.total if result.arena else None))


def of_processors(results: Sequence[Result]) -> Iterator[str]:
    """Where files did not run on whatever processor was free."""
    chosen = {one.target: affinity for one in results if (affinity := (one.runtime or {}).get("affinity"))}
    for target, cores in chosen.items():
        named = f"processor {cores[0]}" if len(cores) == 1 else f"processors {', '.join(map(str, cores))}"
        yield f"{target}: every call ran on {named} alone"


def warnings(results: Sequence[Result]) -> Iterator[str]:
    """Every doubt once, with the files that it is about, and where they ran if that was not one place."""
    about: dict[str, list[str]] = {}
    several = len({result.target for result in results if result.latency()}) > 1
    for result in results:
        name = f"{Path(result.file.path).name}{f' on {result.target}' if several else ''}"
        for doubt in result.degraded():
            about.setdefault(doubt.code, []).append(f"{name}: {doubt}")
    for texts in about.values():
        more = len(texts) - 1
        yield texts[0] + (f" (and {counted(more, 'row' if several else 'file')} more)" if more else "")


def failures(results: Sequence[Result]) -> Iterator[str]:
    """Why there is no number, once where several targets say the same."""
    yield from dict.fromkeys(result.error.message for result in results if result.error)


def _lacks_tool(result: Result) -> bool:
    """Whether nothing is wrong but that something is not installed."""
    return result.error is not None and result.error.code == MissingTool.__name__


def _words(report: Report) -> Iterator[str]:
    if said := sentences.latency(report):
        yield said
    if report.compared:
        yield from verdicts.said(report)
        return
    yield from sentences.speeds(report)
    for said in sentences.distillations(report):
        yield said
    yield from sentences.quantizations(report)


def _cell(text: str) -> Text:
    return Text(text, style="dim" if text == NONE else "")


def _console() -> Console:
    """Standard output; where that is no terminal, wide enough for the table to stay whole."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)
