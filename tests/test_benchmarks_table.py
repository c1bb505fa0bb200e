"""The terminal's tables: whole at 80 columns, plain when piped, and true when things are missing."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from edgestill.benchmarks.harness.result import ArenaBytes, Failure, FileFacts, Output, Result
from edgestill.benchmarks.report.document import Report, read_report
from edgestill.benchmarks.stats import spread
from edgestill.benchmarks.tables import human
from edgestill.benchmarks.tables.remark import print_remark
from edgestill.benchmarks.tables.table import print_report, print_results, variants_table
from edgestill.pipeline.task import ACCURACY, Metric
from edgestill.targets.counts import Agreement, Counts, CyclesEstimate, FlashBytes, Instructions, RamBytes
from edgestill.targets.target import Evidence

CASES = Path(__file__).parent / "cases"
CELSIUS = Metric("mean absolute error", "°C", "lower")


@pytest.fixture(scope="module")
def digits() -> Report:
    return read_report(CASES / "report.json")


def printed(report: Report, width: int) -> list[str]:
    text = io.StringIO()
    print_report(report, Path("runs/digits"), Console(file=text, width=width, highlight=False))
    return [line.rstrip() for line in text.getvalue().splitlines()]


def test_the_table_of_a_run_is_as_it_was(digits: Report) -> None:
    """A golden case: after a wanted change, write what the failure shows into the file."""
    assert printed(digits, 110) == (CASES / "table.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("width", [80, 100, 120])
def test_the_table_fits(digits: Report, width: int) -> None:
    lines = printed(digits, width)
    table = lines[1 : lines.index("", 1)]
    assert max(map(len, table)) <= width
    assert any("74.2±6.5" in line.replace(" ", "") and line.startswith("+ int8") for line in table)
    assert not any("…" in line for line in table)


def test_nothing_but_text_reaches_a_pipe(digits: Report, capsys: pytest.CaptureFixture[str]) -> None:
    print_report(digits, Path("runs/digits"))
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "runs/digits/report.html" in told


def test_somebody_s_text_neither_steers_the_terminal_nor_looks_like_a_warning_of_ours() -> None:
    text = io.StringIO()
    print_remark(Console(file=text, width=80, highlight=False), "fact", "Against \x1b[31mred\n! fake\x9b1m: +3")
    assert text.getvalue() == "· Against �[31mred\n  ! fake�1m: +3\n"


def test_a_dash_stands_where_nothing_is(digits: Report) -> None:
    bare = replace(digits.variants[0], files=(), test=(), parameters=None, macs=None)
    row = next(line for line in printed(replace(digits, variants=(bare,)), 110) if line.startswith("teacher"))
    assert row.split() == ["teacher", *["–"] * 8]


def test_a_row_that_failed_keeps_its_place(digits: Report, capsys: pytest.CaptureFixture[str]) -> None:
    failed = Result(FileFacts("broken.onnx"), "host", Evidence.MEASURED, error=Failure("load", "BadModel", "it is cut"))
    print_results([digits.results[0], failed])
    lines = capsys.readouterr().out.splitlines()
    assert next(line for line in lines if line.startswith("broken.onnx")).split()[1:4] == ["–", "host", "failed"]
    assert "✗ it is cut" in lines


@pytest.mark.parametrize("width", [50, 60, 80, 100, 120])
def test_the_tables_of_a_bench_lose_no_figure(digits: Report, width: int) -> None:
    file = FileFacts("runs/int8/model_of_a_rather_long_name.int8.tflite", "0" * 64, 107_520, "tflite", "int8", 14)
    measured = replace(digits.results[0], file=file, rounds_us=((12_345.0, 45_678.0),) * 3)
    counts = Counts(
        Instructions(12_345_678, (), True),
        CyclesEstimate(12_300_000, 16_700_000, "a board", "a model"),
        RamBytes(104_448, 1_234, 9, 105_691),
        FlashBytes(23_456, 345_678, 369_134),
        Agreement("tflite-micro", 0, 20),
    )
    output = Output("0" * 64, "tflite-micro", 0, 20)
    arena = ArenaBytes(123_456, 100_000, 23_456)
    board = Result(file, "emu:cortex-m4", Evidence.EMULATED, counts=counts, output=output, arena=arena)
    text = io.StringIO()
    print_results([measured, board], Console(file=text, width=width, highlight=False))
    tables = [line.rstrip() for line in text.getvalue().splitlines() if line[:2] not in ("· ", "! ")]
    assert max(map(len, tables)) <= width and not any("…" in line for line in tables)
    shown = "\n".join(tables).replace(" ", "")
    assert all(each in shown for each in ("12,345,678", "12.3-16.7M", "22.9KB", "338KB", "103KB", "1.21KB", "121KB"))


def test_the_same_doubt_is_told_once(digits: Report) -> None:
    doubtful = tuple(replace(one, rounds_us=((1.0, 2.0),), telemetry={}) for one in digits.results)
    lines = printed(replace(digits, results=doubtful), 110)
    assert len([line for line in lines if "calls were counted" in line]) == 1
    assert any("(and 9 files more)" in line for line in lines)


def test_a_hostile_name_is_only_text(digits: Report) -> None:
    odd = replace(digits.variants[0], name="[red]teacher[/] [bold")
    assert any("[red]teacher[/]" in line for line in printed(replace(digits, variants=(odd,)), 110))


@pytest.mark.parametrize("width", [40, 50, 60, 76])
def test_a_table_that_has_no_room_goes_on_below_with_its_names(digits: Report, width: int) -> None:
    lines = printed(digits, width)
    table = lines[1 : next(place for place, line in enumerate(lines) if line.startswith("· "))]
    figures = [str(cell).replace(" ", "") for column in variants_table(digits).columns[1:] for cell in column.cells]
    assert max(map(len, table)) <= width
    assert sum(line.startswith("teacher") for line in table) == sum(line.startswith("variant") for line in table) > 0
    shown = "".join(table).replace(" ", "")
    assert figures and [figure for figure in figures if figure not in shown] == []


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        (human.size(17), "17 B"),
        (human.size(53_936), "52.7 KB"),
        (human.size(1_048_575), "1024 KB"),
        (human.size(1_258_291), "1.20 MB"),
        (human.size(25_276_510_208), "23.5 GB"),
        (human.size(None), "–"),
        (human.count(322), "322"),
        (human.count(22_600), "22.6 k"),
        (human.count(2_670_000), "2.67 M"),
        (human.micros(1.3), "1.30 µs"),
        (human.micros(2050.0), "2.05 ms"),
        (human.micros(1.5e6), "1.50 s"),
        (human.micros_pair(11.3, 1190.0), "11.3 / 1190 µs"),
        (human.score_and_unit([97.4, 97.6], ACCURACY), "97.5 ± 0.1 %"),
        (human.score([97.44], ACCURACY), "97.4"),
        (human.score(spread([1.0, 2.0]), ACCURACY), "1.5 ± 0.7"),
        (human.score([], ACCURACY), "–"),
        (human.score_and_unit([0.1234, 0.1238], CELSIUS), "0.124 ± 0.000 °C"),
        (human.score_and_unit([1234.5], CELSIUS), "1234 °C"),
        (human.change(-0.0123, CELSIUS, near=0.456), "−0.012 °C"),
        (human.change(0.5, ACCURACY, near=90.0), "+0.5 points"),
        (human.named(CELSIUS), "mean absolute error °C, less is better"),
        (human.named(ACCURACY), "accuracy %"),
        (human.gain(0.62), "+0.6"),
        (human.gain(-1.44), "−1.4"),
        (human.gain(-0.04), "0.0"),
        (human.times(1.44), "1.4×"),
        (human.times(71.9), "72×"),
        (human.share(0.1), "10 %"),
        (human.share(0.0, 3), "0"),
        (human.counted(1, "seed"), "1 seed"),
        (human.counted(8000, "call"), "8,000 calls"),
    ],
)
def test_numbers_are_as_people_write_them(shown: str, wanted: str) -> None:
    assert shown == wanted
