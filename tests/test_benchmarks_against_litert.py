"""Our p50 beside LiteRT's own benchmark tool: both time the same file, in turns, and every call is kept."""

import io
import json
from pathlib import Path

from rich.console import Console

from edgestill.benchmarks.studies.against_litert import RUNS, Compared, compared, table
from edgestill.tests.test_benchmarks_harness import KWS

RESULT = Path(__file__).parent.parent / "benchmarks" / "results" / "against_litert.json"


def test_both_time_the_same_calls_in_turns() -> None:
    found = compared(KWS, rounds=2)
    assert [len(one) for one in (*found.ours_us, *found.theirs_us)] == [RUNS] * 4
    assert min(found.p50()) > 0 and found.ratio().low is not None


def test_the_share_is_told_of_large_files_alone() -> None:
    text = io.StringIO()
    rows = [Compared(name, "", ((us,) * 5, (us + 1,) * 5), ((us,) * 5,) * 2) for name, us in (("a", 50.0), ("b", 2e3))]
    Console(file=text, width=110).print(table(rows))
    small, large = text.getvalue().splitlines()[-2:]
    assert small.split()[-2:] == ["–", "–"] and large.endswith("0.997 to 1.003  ")


def test_what_is_published_is_within_five_per_cent_for_calls_of_half_a_millisecond() -> None:
    """The file that the docs quote: derived again from its raw calls."""
    for row in json.loads(RESULT.read_text())["rows"]:
        found = Compared(row["file"], row["sha256"], *(tuple(map(tuple, row[key])) for key in ("ours_us", "theirs_us")))
        ours, theirs = found.p50()
        assert abs(ours / theirs - 1) < 0.05 if theirs >= 500 else abs(ours - theirs) < 5
