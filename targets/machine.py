"""What the machine we run on is and has: its own words, and nothing that tells whose it is.

On a device this file runs by itself, with Python 3.9 or newer and nothing else.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import struct
from pathlib import Path
from typing import Any

RUNTIMES = {
    "litert": "ai-edge-litert",
    "tflite-runtime": "tflite-runtime",
    "onnxruntime": "onnxruntime",
    "tflite-micro": "tflite-micro",
}


def facts() -> dict[str, Any]:
    """Processor, memory, system, clock control, load and runtimes; None where the machine does not say."""
    return {
        "cpu": processor(),
        "arch": platform.machine(),
        "bits": struct.calcsize("P") * 8,  # of Python: a 64-bit kernel may carry a 32-bit system
        "cores": cores(),
        "megahertz": _megahertz(),
        "features": features(),
        "virtual": _flag("hypervisor"),
        "memory_bytes": _memory(),
        "os": _system(),
        "kernel": f"{platform.system()} {platform.release()}",
        "libc": "-".join(platform.libc_ver()),
        "python": platform.python_version(),
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "numpy": _version("numpy"),
        "runtimes": runtimes(),
    }


def processor() -> str:
    """The board's name where there is one (Raspberry Pi), else the processor's."""
    board = (_read("/proc/device-tree/model") or "").strip("\0")
    return board or _cpuinfo("Model") or _cpuinfo("model name") or platform.processor() or platform.machine()


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def features() -> list[str]:
    """The instruction sets that decide how fast integers are."""
    wanted = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8", "asimd", "asimddp", "i8mm", "sve")
    return [name for name in wanted if _flag(name)]


def runtimes() -> dict[str, str | None]:
    """Runtime -> installed version, told without importing it."""
    return {name: _version(distribution) for name, distribution in RUNTIMES.items()}


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _megahertz() -> int | None:
    """The highest clock the system allows, else the one it shows now."""
    kilohertz = _read("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq")
    now = _cpuinfo("cpu MHz")
    return int(kilohertz) // 1000 if kilohertz else round(float(now)) if now else None


def _memory() -> int | None:
    found = re.search(r"^MemTotal:\s+(\d+) kB", _read("/proc/meminfo") or "", re.M)
    return int(found.group(1)) * 1024 if found else None


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError, AttributeError):  # Python 3.9 cannot tell
        return platform.system()


def _flag(name: str) -> bool:
    return name in (_cpuinfo("flags") or _cpuinfo("Features") or "").split()


def _cpuinfo(key: str) -> str | None:
    found = re.search(rf"^{key}\s*:\s*(.+)$", _read("/proc/cpuinfo") or "", re.M)
    return found.group(1).strip() if found else None


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None
