"""What a device of the user's has and lacks, looked at from here: nothing is sent there, nothing is changed."""

from collections.abc import Iterator, Mapping
from typing import Any

from ...pipeline.errors import DeviceFailed
from ..android.findings import examine_phone
from ..android.phone import Phone
from ..setup.doctor import Finding
from ..target import Target
from .provision import DISTRIBUTIONS

NO_64_BIT = "a 64-bit system: Raspberry Pi OS (64-bit)"


def examine_device(target: Target) -> Iterator[Finding]:
    """Whether it answers, its Python, and where each runtime will come from."""
    if isinstance(target, Phone):
        yield from examine_phone(target)
        return
    try:
        device = target.probe()
    except DeviceFailed as error:
        yield Finding(target.name, "cannot be used", True, "measuring on it", error.remedy, error.what)
        return
    facts = device.facts
    yield Finding(target.name, device.name, True, "measuring on it", "")
    yield Finding("Python", facts["python"], True, "the agent; 3.9 or newer", "")
    for runtime in DISTRIBUTIONS:
        yield _runtime(runtime, facts)
    governor = facts["governor"]
    steady = f"echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor  # on {target.name}"
    problem = f"{governor} changes the clock" if governor not in (None, "performance") else None
    yield Finding("governor", governor or "none", False, "figures that repeat", steady, problem)


def _runtime(runtime: str, facts: Mapping[str, Any]) -> Finding:
    serves = {"litert": ".tflite files", "onnxruntime": ".onnx files"}[runtime]
    there = facts["runtimes"].get(runtime)
    if there or (runtime == "litert" and (there := facts["runtimes"].get("tflite-runtime"))):
        return Finding(runtime, str(there), True, serves, "")
    if facts["bits"] == 64 and facts["libc"].startswith("glibc"):
        return Finding(runtime, "comes with the first file", True, serves, "")
    return Finding(runtime, None, False, serves, NO_64_BIT)
