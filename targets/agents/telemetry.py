"""What the machine says of itself, which of its processors run us, how long it rests. Python 3.9 and nothing else."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

GLANCE_SECONDS = 1.0  # between two looks at a thermometer


def read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None


def status(key: str) -> int | None:
    """VmRSS or VmHWM of this process in bytes; None where the kernel does not say."""
    found = re.search(rf"^{key}:\s+(\d+) kB", read(Path("/proc/self/status")) or "", re.M)
    return int(found.group(1)) * 1024 if found else None


def numbers(folder: str, pattern: str) -> list[int]:
    texts = (read(path) or "" for path in sorted(Path(folder).glob(pattern)))
    return [int(text) for text in texts if text.lstrip("-").isdigit()]


def throttled_flags() -> int | None:
    """Raspberry Pi firmware flags: bits 0-3 hold now, bits 16-19 since boot; None on any other machine."""
    try:
        said = subprocess.check_output(["vcgencmd", "get_throttled"], stdin=subprocess.DEVNULL, timeout=3)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(rb"=\s*(0x[0-9a-fA-F]+)", said)
    return int(found.group(1), 16) if found else None


def telemetry() -> dict[str, Any]:
    """What the machine says now of its clock, heat and load; null or empty where it says nothing."""
    cpus = "/sys/devices/system/cpu"
    throttled = numbers(cpus, "cpu[0-9]*/thermal_throttle/core_throttle_count")
    return {
        "governor": read(Path(cpus, "cpu0/cpufreq/scaling_governor")),
        "megahertz": [kilohertz // 1000 for kilohertz in numbers(cpus, "cpu[0-9]*/cpufreq/scaling_cur_freq")],
        "celsius": [value / 1000 for value in numbers("/sys/class/thermal", "thermal_zone*/temp")],
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "throttle_count": sum(throttled) if throttled else None,
        "throttled_flags": throttled_flags(),
        "clock_offset": round(time.time() - time.monotonic(), 3),  # seconds; it moves when somebody sets the clock
    }


def celsius() -> float | None:
    """The hottest place that is measured; None where nothing is."""
    return max(numbers("/sys/class/thermal", "thermal_zone*/temp"), default=0) / 1000 or None


def pin(cores: Sequence[int]) -> list[int]:
    """Every thread of this process runs on these processors alone, and whatever it starts; says which they then are."""
    for thread in Path("/proc/self/task").iterdir() if cores else ():
        with contextlib.suppress(OSError, ValueError):  # what cannot be is told by what is
            os.sched_setaffinity(int(thread.name), cores)
    return sorted(os.sched_getaffinity(0))


def rest(seconds: float, below: float | None) -> None:
    """Does nothing for so long, or until no thermometer shows more than `below` degrees."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        hottest = celsius() if below is not None else None
        if hottest is not None and below is not None and hottest < below:
            return
        time.sleep(min(left, GLANCE_SECONDS))
