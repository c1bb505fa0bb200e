"""Why a latency should not be trusted, and what to do about it."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..stats import percentile
from ..tables.human import share

FEW_CALLS = 50  # what TFLite's benchmark_model takes as its minimum
WIDE = 0.10  # quartile range and drift, as a share of the median
CLOCK_SHARE = 0.02  # of a call that reading the clock may take
INTERRUPTED_SHARE = 0.05  # of the calls during which another process took the processor
SLOW_FIRST, SLOW_FIRST_US = 20, 10_000.0  # times the median, and long enough that a user would feel it
QUIET = "close other programs and measure again"
FIRST = "count it where a program runs the model only once"
PI_NOW = {0: "under-voltage", 1: "capped clock", 2: "throttling", 3: "soft temperature limit"}  # firmware bits


@dataclass(frozen=True)
class Doubt:
    """One reason not to trust a result: a word for programs, what was seen, what to do."""

    code: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}"


def doubts(rounds: Sequence[Sequence[float]], first_us: float | None, telemetry: Mapping[str, Any]) -> Iterator[Doubt]:
    """Every doubt about these raw latencies (microseconds, round by round) under these circumstances."""
    calls = sorted(value for one in rounds for value in one)
    if not calls:
        return
    yield from _samples(calls, rounds, first_us)
    yield from _clock(calls, telemetry.get("clock_us"))
    yield from _machine(telemetry, len(calls))


def _samples(calls: list[float], rounds: Sequence[Sequence[float]], first_us: float | None) -> Iterator[Doubt]:
    middle = percentile(calls, 50)
    if len(calls) < FEW_CALLS:
        yield Doubt("few-calls", f"only {len(calls)} calls were counted", "allow more runs or more seconds")
    quartiles = (percentile(calls, 75) - percentile(calls, 25)) / middle
    if quartiles > WIDE:
        yield Doubt("spread", f"half of the calls lie {share(quartiles)} of the median apart", QUIET)
    medians = [statistics.median(one) for one in rounds if one]
    drift = max(medians) / min(medians) - 1
    if drift > WIDE:
        yield Doubt("drift", f"the rounds' medians differ by {share(drift)}", QUIET)
    if first_us is not None and first_us > max(SLOW_FIRST * middle, SLOW_FIRST_US):
        ms = first_us / 1e3
        yield Doubt("slow-first", f"the first call took {ms:.0f} ms, {first_us / middle:,.0f} medians", FIRST)


def _clock(calls: list[float], clock_us: float | None) -> Iterator[Doubt]:
    middle = percentile(calls, 50)
    if clock_us is not None and clock_us > CLOCK_SHARE * middle:
        taken = share(clock_us / middle)
        yield Doubt("clock", f"reading the clock takes {taken} of a call", "take this latency as an upper bound")


def _machine(telemetry: Mapping[str, Any], calls: int) -> Iterator[Doubt]:
    before, after = telemetry.get("before") or {}, telemetry.get("after") or {}
    load, cores = before.get("load_average") or [0.0], telemetry.get("cores") or 0
    if cores and load[0] > cores:
        yield Doubt("load", f"the load average was {load[0]:.1f} on {cores} cores", QUIET)
    interruptions = telemetry.get("interruptions") or 0
    if interruptions > INTERRUPTED_SHARE * calls:
        yield Doubt("interrupted", f"other processes took the processor {interruptions} times in {calls} calls", QUIET)
    governor = before.get("governor")
    if governor not in (None, "performance"):
        yield Doubt("governor", f"the clock governor is {governor}", "set it to performance while measuring")
    if (after.get("throttle_count") or 0) > (before.get("throttle_count") or 0):
        yield Doubt("throttled", "the processor throttled while we measured", "let it cool, or improve its cooling")
    if False in (before.get("visible"), after.get("visible")):
        yield Doubt("hidden", "the page was not in front all the time", "keep it there and the screen on")
    yield from _raspberry(before.get("throttled_flags"), after.get("throttled_flags"))


def _raspberry(before: int | None, after: int | None) -> Iterator[Doubt]:
    """A bit that holds now, or one since boot that was set while we measured."""
    if before is None or after is None:
        return
    for bit, name in PI_NOW.items():
        now, since = 1 << bit, 1 << (bit + 16)
        if after & now or (after & since) > (before & since):
            yield Doubt("throttled", f"the board reports {name}", "check its power supply and its cooling")
