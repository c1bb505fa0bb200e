"""Memory that a step gives back stays with the process for the next step, which needs as much again."""

import ctypes
from functools import cache

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of glibc's mallopt(3)
LARGEST_FROM_THE_HEAP = 32 * 2**20  # bytes; the most that mallopt allows
KEPT = 2**30  # bytes that may lie free before they go back to the system


@cache
def keep_memory() -> bool:
    """Asks glibc, once a process; False where there is no glibc. Speed alone changes: no result does."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(MMAP_THRESHOLD, LARGEST_FROM_THE_HEAP) and mallopt(TRIM_THRESHOLD, KEPT))
