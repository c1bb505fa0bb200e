"""What to know about rows that a phone gave over adb: which phone it was, and what ran the file there."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..harness.result import Result
from .human import counted, micros

EXPERIMENTAL = "our own Python and C library ran it, which no real phone has been seen to run yet: experimental"


def of_phones(results: Sequence[Result]) -> Iterator[str]:
    """A line for each phone, and one for each row of a tool that keeps single calls to itself."""
    rows = [one for one in results if one.runtime and _is_of_phone(one)]
    yield from dict.fromkeys(f"{row.target}: {_phone(row)}" for row in rows)
    for row in rows:
        if row.told:
            yield f"{Path(row.file.path).name} on {row.target}: {_told(row)}"


def _is_of_phone(row: Result) -> bool:
    return str((row.telemetry.get("device") or {}).get("os")).startswith("Android")


def _phone(row: Result) -> str:
    """Its name and system, and who ran the file."""
    device, runtime = row.telemetry["device"], row.runtime or {}
    who = f"the benchmark_model of sha-256 {runtime['version']} ran it" if row.told else EXPERIMENTAL
    return f"{device['cpu']}, {device['os']}; {who}"


def _told(row: Result) -> str:
    """What there is in place of percentiles and outputs."""
    calls = sum(one.calls for one in row.told)
    mean = sum(one.mean * one.calls for one in row.told) / calls
    least, most = min(one.min for one in row.told), max(one.max for one in row.told)
    medians = [micros(one.median) for one in row.told if one.median is not None]
    middle = f", medians of the rounds {', '.join(medians)}" if medians else ""
    rounds = counted(len(row.told), "round")
    return (
        f"mean {micros(mean)} of {calls:,} calls in {rounds}, {micros(least)} to {micros(most)}{middle}; "
        "benchmark_model tells no p50, no p90 and no outputs"
    )
