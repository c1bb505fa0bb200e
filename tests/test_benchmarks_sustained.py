"""A load that does not pause: every period has its statistics, and an order that changes is told."""

import io
from collections.abc import Sequence

import pytest
from rich.console import Console

from edgestill.benchmarks.commands.flags import duration
from edgestill.benchmarks.harness.measure import bench
from edgestill.benchmarks.harness.result import FileFacts, Result
from edgestill.benchmarks.harness.sustained import of_long_runs, shown, sustained_table
from edgestill.targets.host import Host
from edgestill.targets.target import Evidence, Period, Plan
from edgestill.tests.test_benchmarks_harness import KWS


def row(name: str, medians: Sequence[float], **facts: object) -> Result:
    periods = tuple(
        Period(60.0 * (minute + 1), 5000, tuple(us + 0.01 * (call % 9) for call in range(200)), facts)
        for minute, us in enumerate(medians)
    )
    return Result(FileFacts(name), "pi", Evidence.MEASURED, {"name": "litert"}, sustained=periods)


def test_a_long_run_has_ten_periods_of_bounded_raw_calls() -> None:
    plan = Plan(warmup=1, runs=5, seconds=0.2, rounds=1, warmup_seconds=0.0, sustain=1.5, cool_down=0.1)
    [result] = bench([KWS], [Host()], plan)
    assert len(result.sustained) == 10 and result.sustained[-1].end == pytest.approx(1.5, abs=0.3)
    for period in result.sustained:
        assert 0 < len(period.latency_us) < 2000 and len(period.latency_us) <= period.calls
        assert period.facts["load_average"]
    told = result.to_json()["sustained"]
    assert [one["calls"] for one in told] == [period.calls for period in result.sustained]
    assert all(0 < one["p50_us"] <= one["p90_us"] for one in told)


def test_an_order_that_changes_is_told_and_so_is_what_slows_down() -> None:
    said = [text for _, text in of_long_runs([row("a.tflite", [10, 15, 20]), row("b.tflite", [12, 13, 12])])]
    assert said == [
        "a.tflite on pi is 2.00× slower in the end than at first",
        "a.tflite is ahead at first on pi, b.tflite in the end: rank them by what the device will do",
    ]


def test_noise_changes_no_order() -> None:
    assert list(of_long_runs([row("a.tflite", [10, 10.02]), row("b.tflite", [10.01, 10.01])])) == []


def test_the_table_shows_heat_clock_and_flags() -> None:
    text = io.StringIO()
    hot = row("a.tflite", [10, 20], celsius=[61.2, 83.4], megahertz=[1800, 1500], throttled_flags=0x50004)
    Console(file=text, width=120).print(sustained_table([hot]))
    assert "2 min  20.0 µs  20.1 µs  83  1500  throttling" in text.getvalue()


def test_of_a_long_run_some_minutes_are_shown_with_the_first_and_the_last() -> None:
    every = row("a.tflite", range(1, 61)).sustained
    assert len(shown(every)) == 12 and shown(every)[0] is every[0] and shown(every)[-1] is every[-1]


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1.5h", 5400)])
def test_times_have_units(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "-3s", "ten", "nan"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        duration(text)
