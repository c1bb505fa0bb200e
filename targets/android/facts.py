"""What a phone says of itself, in its own shell: nothing is sent there for it."""

import re
from collections.abc import Mapping
from typing import Any

from .adb import Adb

SECONDS = 60.0
PROPERTIES = {  # our word: Android's
    "maker": "ro.product.manufacturer",
    "model": "ro.product.model",
    "soc": "ro.soc.model",
    "android": "ro.build.version.release",
    "api": "ro.build.version.sdk",
    "abi": "ro.product.cpu.abi",
}
CPU = "/sys/devices/system/cpu"
FEATURES = ("asimd", "asimddp", "i8mm", "sve")
SCRIPT = f"""
getprop
echo "arch=$(uname -m)"; echo "kernel=$(uname -s) $(uname -r)"
echo "cores=$(grep -c ^processor /proc/cpuinfo)"
echo "memory=$(grep MemTotal /proc/meminfo)"
echo "features=$(grep -m1 -i ^Features /proc/cpuinfo)"
echo "highest=$(cat {CPU}/cpu*/cpufreq/cpuinfo_max_freq 2>/dev/null | tr '\\n' ' ')"
"""
STATE = f"""
echo "governor=$(cat {CPU}/cpu0/cpufreq/scaling_governor 2>/dev/null)"
echo "megahertz=$(cat {CPU}/cpu[0-9]*/cpufreq/scaling_cur_freq 2>/dev/null | tr '\\n' ' ')"
echo "celsius=$(cat /sys/class/thermal/thermal_zone*/temp 2>/dev/null | tr '\\n' ' ')"
echo "load=$(cat /proc/loadavg 2>/dev/null)"
"""


def phone_facts(line: Adb) -> Mapping[str, Any]:
    """The same words as `machine.facts` has; None where the phone does not say."""
    told = _told(line, SCRIPT + STATE, "probe")
    told |= {word: told.get(f"[{key}]", "") for word, key in PROPERTIES.items()}
    name = " ".join(part for part in (told["maker"].capitalize(), told["model"]) if part) or "a phone"
    memory = re.search(r"\d+", told["memory"])
    highest = [int(one) for one in told["highest"].split() if one.isdigit()]
    return {
        "cpu": f"{name} ({told['soc']})" if told["soc"] else name,
        "arch": told["arch"],
        "abi": told["abi"] or None,
        "bits": 64 if "64" in told["arch"] else 32,
        "cores": int(told["cores"] or 0),
        "megahertz": max(highest) // 1000 if highest else None,
        "features": [one for one in FEATURES if one in told["features"].split()],
        "memory_bytes": int(memory[0]) * 1024 if memory else None,
        "os": f"Android {told['android']}, API {told['api']}",
        "kernel": told["kernel"],
        "libc": "bionic",
        "python": None,
        **_state(told),
    }


def phone_state(line: Adb, stage: str) -> dict[str, Any]:
    """Governor, clocks, heat and load as they are now, as the agent's telemetry has them."""
    return {**_state(_told(line, STATE, stage)), "throttle_count": None, "throttled_flags": None}


def _told(line: Adb, script: str, stage: str) -> dict[str, str]:
    """Of lines such as `arch=aarch64` and `[ro.product.model]: [Pixel 7]`."""
    said = line.shell(script, stage=stage, timeout=SECONDS).out.decode(errors="replace")
    pairs = (re.split(r": \[|=", row.strip(), maxsplit=1) for row in said.splitlines())
    return {pair[0]: pair[1].strip().removesuffix("]") for pair in pairs if len(pair) == 2}


def _state(told: Mapping[str, str]) -> dict[str, Any]:
    return {
        "governor": told["governor"] or None,
        "megahertz": None if not told["megahertz"] else [int(one) // 1000 for one in _numbers(told["megahertz"])],
        "celsius": [int(one) / 1000 for one in _numbers(told["celsius"])],
        "load_average": [float(one) for one in told["load"].split()[:3]] or None,
    }


def _numbers(text: str) -> list[str]:
    return [one for one in text.split() if one.lstrip("-").isdigit()]
