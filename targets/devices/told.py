"""What a benchmark tool on a device says of its own runs, where it keeps the single calls to itself."""

import re
from dataclasses import dataclass

NUMBER = r"([\d.]+(?:e[+-]?\d+)?)"
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Told:
    """Microseconds and bytes, as the tool printed them; None is what it did not print. It tells no percentiles, but
    newer ones a median. `first` is the first call of all, the one that warms up."""

    calls: int
    first: float | None
    min: float
    max: float
    mean: float
    deviation: float | None = None
    median: float | None = None
    init: float | None = None
    memory_bytes: int | None = None
    delegate: str = "unknown"


def read_told(said: str) -> Told | None:
    """Of TensorFlow Lite's benchmark_model, by the last line of counts, which is that of the measured calls.

    None when there is none. A single call stands as its own least, most and mean.
    """
    lines = re.findall(r"count=\d+ .*", said)
    counts = {word: float(number) for word, number in re.findall(rf"(\w+)={NUMBER}", lines[-1])} if lines else {}
    one = counts.get("curr")
    if not lines or (mean := counts.get("avg", one)) is None:
        return None
    times = {word: float(number) for word, number in re.findall(rf"(Init|First inference): {NUMBER}", said)}
    return Told(
        calls=int(counts["count"]),
        first=times.get("First inference"),
        min=counts.get("min", mean),
        max=counts.get("max", mean),
        mean=mean,
        deviation=counts.get("std"),
        median=counts.get("median"),
        init=times.get("Init"),
        memory_bytes=_memory(said),
        delegate="XNNPACK" if re.search("XNNPACK delegate", said) else "none told",
    )


def _memory(said: str) -> int | None:
    """What the process grew by from the tool's start, by its own account, which it calls approximate."""
    found = re.search(
        rf"(?:Memory footprint delta|Peak memory footprint).*\(MB\): init={NUMBER} overall={NUMBER}", said
    )
    return round(float(found[2]) * MEGABYTE) if found else None
