"""Times calls by a clock that runs evenly whoever sets the time of day. Python 3.9 and nothing else."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

PROGRESS_SECONDS = 0.5
KEPT = 1000  # calls of a period of sustained load that are kept at least, if it has so many


def timed(call: Callable[[], Any], runs: int, seconds: float, say: Callable[[int], None]) -> list[int]:
    """Nanoseconds of each call, in order, without garbage collection; ends after `runs` calls or after `seconds`."""
    clock, samples = time.perf_counter_ns, []  # type: Callable[[], int], list[int]
    gc.disable()
    start = spoken = clock()
    while len(samples) < runs:
        before = clock()
        call()
        after = clock()
        samples.append(after - before)
        if after - spoken > PROGRESS_SECONDS * 1e9:
            spoken = after
            say(len(samples))
        if after - start > seconds * 1e9:
            break
    gc.enable()
    return samples


def sampled(call: Callable[[], Any], seconds: float) -> tuple[int, list[int]]:
    """How many calls there were in so many seconds, and the nanoseconds of every n-th, so that 1,000 or more remain."""
    clock, kept, calls, step = time.perf_counter_ns, [], 0, 1  # type: Callable[[], int], list[int], int, int
    gc.disable()
    start = after = clock()
    while not calls or after - start < seconds * 1e9:
        before = clock()
        call()
        after = clock()
        if calls % step == 0:
            kept.append(after - before)
        calls += 1
        if len(kept) == 2 * KEPT:
            del kept[1::2]
            step *= 2
    gc.enable()
    return calls, kept
