"""Why not to trust a latency: quiet runs raise no doubt, and every doubt has its cause and its remedy."""

from typing import Any

import pytest

from edgestill.benchmarks.harness.checks import doubts

QUIET: dict[str, Any] = {
    "cores": 2,
    "clock_us": 0.05,
    "interruptions": 1,
    "before": {"governor": "performance", "load_average": [0.3], "throttle_count": 4, "throttled_flags": 0x50000},
    "after": {"governor": "performance", "load_average": [0.9], "throttle_count": 4, "throttled_flags": 0x50000},
}
ROUNDS = [[100.0, 101.0, 99.0, 100.5] * 10] * 5


def with_before(**facts: Any) -> dict[str, Any]:
    return {**QUIET, "before": {**QUIET["before"], **facts}}


def with_after(**facts: Any) -> dict[str, Any]:
    return {**QUIET, "after": {**QUIET["after"], **facts}}


def test_a_quiet_run_raises_no_doubt() -> None:
    assert list(doubts(ROUNDS, 300.0, QUIET)) == []


def test_a_machine_that_tells_nothing_raises_no_doubt() -> None:
    assert list(doubts(ROUNDS, None, {})) == []


def test_no_calls_raise_no_doubt() -> None:
    assert list(doubts([], None, QUIET)) == []


@pytest.mark.parametrize(
    ("code", "rounds", "first", "telemetry"),
    [
        ("few-calls", [[100.0] * 49], None, QUIET),
        ("spread", [[100.0, 150.0] * 50] * 3, None, QUIET),
        ("drift", [[100.0] * 50, [100.0] * 50, [112.0] * 20], None, QUIET),
        ("slow-first", ROUNDS, 40_000.0, QUIET),
        ("clock", ROUNDS, None, {**QUIET, "clock_us": 3.0}),
        ("load", ROUNDS, None, with_before(load_average=[2.1])),
        ("interrupted", ROUNDS, None, {**QUIET, "interruptions": 11}),
        ("governor", ROUNDS, None, with_before(governor="powersave")),
        ("throttled", ROUNDS, None, with_after(throttle_count=5)),
        ("throttled", ROUNDS, None, with_after(throttled_flags=0x50004)),
        ("throttled", ROUNDS, None, with_after(throttled_flags=0x70000)),
    ],
)
def test_every_doubt_has_its_cause(
    code: str, rounds: list[list[float]], first: float | None, telemetry: dict[str, Any]
) -> None:
    found = list(doubts(rounds, first, telemetry))
    assert [doubt.code for doubt in found] == [code]
    assert found[0].what and found[0].remedy
    assert str(found[0]) == f"{found[0].what}; {found[0].remedy}"
