"""The page of a bench: its tables, the figure of long runs, and the remarks; drawn by a real browser."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from edgestill.benchmarks.harness.result import Failure, FileFacts, Result
from edgestill.benchmarks.page.bench import bench_page
from edgestill.benchmarks.page.sustained import Line, of_lines
from edgestill.benchmarks.tables.table import warnings
from edgestill.targets.target import Evidence, Period
from edgestill.tests.wanted import want_program

KWS = Path(__file__).parent / "cases" / "mlperf-tiny" / "kws_int8.tflite"
HOSTILE = "</script><script>alert(1)</script><b>.tflite"


def long_run(name: str, target: str, us: float, hot: bool = False) -> Result:
    """Ten minutes; one that is hot slows down from the fifth on, and says why."""
    periods = []
    for minute in range(1, 11):
        slower = 1 + 0.1 * max(0, minute - 4) * hot
        facts = {"celsius": [40 + 4 * minute], "megahertz": [1500], "throttled_flags": 4 if minute > 6 else 0}
        calls = tuple(us * slower * (1 + 0.001 * call) for call in range(50))
        periods.append(Period(60.0 * minute, 9000, calls, facts if hot else {"celsius": [], "megahertz": []}))
    runtime = {"name": "litert", "version": "2", "threads": 1, "affinity": [2, 3] if hot else None}
    facts_of_file = FileFacts(name, name, 1000, "tflite", "int8" if "int8" in name else "float")
    rounds = ((us, us + 1.0) * 30,) * 5
    return Result(facts_of_file, target, Evidence.MEASURED, runtime, us, rounds, sustained=tuple(periods))


@pytest.fixture
def rows() -> list[Result]:
    names = ("net.int8.tflite", "net.tflite")
    return [long_run(one, on, us, on == "pi4") for on, us in (("host", 50.0), ("pi4", 2000.0)) for one in names]


def figures(page: str) -> dict[str, dict[str, object]]:
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', page, re.S)
    assert found
    return dict(json.loads(found[1]))


def test_every_minute_of_every_long_run_is_drawn_in_a_panel_of_its_target(rows: list[Result]) -> None:
    section = of_lines([Line(index % 2, Path(row.file.path).name, row) for index, row in enumerate(rows)])
    assert section and section.figure
    layout, traces = section.figure.layout, section.figure.data
    titles = {key: layout[key]["title"]["text"] for key in layout if key.startswith("yaxis")}
    assert titles == {"yaxis": "host, µs", "yaxis2": "pi4, ms", "yaxis3": "°C", "yaxis4": "MHz"}
    domains = [layout[key]["domain"] for key in titles]
    assert all(lower[1] <= upper[0] for upper, lower in pairwise(domains)) and domains[-1][0] == 0 < domains[0][1] == 1
    medians = [one for one in traces if one.get("mode") == "lines+markers"]
    assert [one["yaxis"] for one in medians] == ["y", "y", "y2", "y2"]
    assert all(one["x"] == list(range(1, 11)) for one in traces)
    assert medians[2]["y"][0] == pytest.approx(2.049, abs=1e-3) and medians[2]["y"][-1] > 1.5 * medians[2]["y"][0]
    assert [name == "x" for name in medians[3]["marker"]["symbol"]] == [False] * 6 + [True] * 4
    assert "net.tflite on pi4: p50 2.05 ms at first, 3.28 ms in the end" in section.figure.label


def test_a_file_that_is_far_faster_has_a_panel_of_its_own() -> None:
    speeds = {"a.tflite": 3000.0, "b.tflite": 40.0, "c.tflite": 1000.0}
    rows = [long_run(name, "pi4", us) for name, us in speeds.items()]
    section = of_lines([Line(index, one.file.path, one) for index, one in enumerate(rows)])
    assert section and section.figure
    layout, traces = section.figure.layout, section.figure.data
    assert [layout[key]["title"]["text"] for key in ("yaxis", "yaxis2")] == ["pi4, ms", "pi4, µs"]
    medians = {one["name"]: one["yaxis"] for one in traces if one.get("mode") == "lines+markers"}
    assert medians == {"a.tflite": "y", "c.tflite": "y", "b.tflite": "y2"}


def test_each_file_is_once_in_the_legend(rows: list[Result]) -> None:
    drawn = figures(bench_page(rows, [], "edgestill bench"))["sustained"]["data"]
    assert isinstance(drawn, list)
    assert [one["name"] for one in drawn if one["showlegend"]] == ["net.int8.tflite", "net.tflite"]


def test_tables_remarks_and_the_command_are_on_the_page(rows: list[Result]) -> None:
    failed = Result(
        FileFacts("none.tflite"), "pi5", Evidence.MEASURED, error=Failure("connect", "off", "pi5: it is off")
    )
    told = bench_page([*rows, failed], ["as yesterday"], "edgestill bench --html x.html")
    assert "<h1>3 files on 3 targets</h1>" in told
    for words in ("2.00 ms", "1.60× slower in the end than at first", "pi4: every call ran on processors 2, 3 alone"):
        assert words in told
    assert '<li class="failed">pi5: it is off</li>' in told and "as yesterday" in told and "--html x.html" in told
    assert told.index("it is off") < told.index("slower in the end")


def test_no_name_of_a_file_can_break_the_page(rows: list[Result]) -> None:
    told = bench_page([long_run(HOSTILE, HOSTILE, 9.0), *rows], [HOSTILE], HOSTILE)
    assert "alert(1)</script>" not in told and "&lt;b&gt;.tflite" in told
    assert "<" not in json.dumps(figures(told))


def test_the_command_leaves_a_page_that_a_browser_draws(
    edgestill: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    browser = shutil.which("google-chrome") or want_program("chromium", "web")
    page = tmp_path / "bench.html"
    few = ["--runs", "50", "--seconds", "0.5", "--sustain", "1s", "--html", str(page)]
    ended = edgestill(["bench", str(KWS), *few], tmp_path / "store")
    assert ended.returncode == 0, ended.stderr
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    flags += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000", "--dump-dom", page.as_uri()]
    told = subprocess.run([browser, *flags], capture_output=True, timeout=120, check=True).stdout.decode()
    assert sorted(re.findall(r'class="figure js-plotly-plot" data-figure="(\w+)"', told)) == ["calls", "sustained"]
    ended = edgestill(["bench", str(KWS), "--html", f"{KWS}/bench.html"], tmp_path / "store")
    assert ended.returncode == 2 and "there is a file where a folder is wanted" in ended.stderr
    assert "measuring" not in ended.stderr


def test_a_doubt_names_its_target_where_there_are_several(rows: list[Result]) -> None:
    few = [replace(one, rounds_us=((1000.0, 1001.0),)) for one in rows[1:3]]
    assert next(warnings(few)).startswith("net.tflite on host: only 2 calls were counted;")
    assert next(warnings(few[:1])).startswith("net.tflite: only 2 calls were counted;")
    assert "(and 1 row more)" in next(warnings(few))
