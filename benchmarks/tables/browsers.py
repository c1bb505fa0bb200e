"""What to know about rows that a browser gave: which phone it was, what ran in a file's place, how time was taken."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..harness.result import Result
from .human import counted, micros

SLOW = "INT8 in ONNX Runtime Web measures the browser, where WebAssembly often takes longer than for floats"


def of_browsers(results: Sequence[Result]) -> Iterator[str]:
    """A line for each phone, and each thing about its rows that native rows have not."""
    rows = [one for one in results if str((one.runtime or {}).get("name")).endswith("/wasm")]
    yield from dict.fromkeys(f"{row.target}: {_phone(row.telemetry['device'])}" for row in rows)
    twins = [_name(row) for row in rows if (row.runtime or {})["served"] == "float-I/O twin"]
    if twins:
        files = ", ".join(dict.fromkeys(twins))
        yield f"{files}: LiteRT.js takes no int8; what ran is the same integers between float inputs and outputs"
    slow = [_name(row) for row in rows if (row.runtime or {})["quantized"] and row.file.kind == "onnx"]
    if slow:
        yield f"{', '.join(dict.fromkeys(slow))}: {SLOW}; compare it with its .tflite file"
    batched = [row for row in rows if row.telemetry["device"]["calls_per_sample"] > 1]
    if batched:
        names = ", ".join(dict.fromkeys(map(_name, batched)))
        yield f"{names}: the browser's clock is coarse, so calls are timed in batches; p90 and p99 are of their means"


def _phone(device: Mapping[str, Any]) -> str:
    """Its browser, cores and clock, as the page tells them."""
    isolated = "isolated" if device.get("cross_origin_isolated") else "not isolated (one thread, a coarse clock)"
    cores = counted(int(device["cores"]), "core") if device.get("cores") else "cores unknown"
    return f"{_browser(str(device.get('user_agent')))}, {cores}, {isolated}, clock step {micros(device['clock_us'])}"


def _browser(agent: str) -> str:
    """Chrome 126 (Linux; Android 14; Pixel 7); the whole of it where it is like no other."""
    system = re.search(r"\(([^)]*)\)", agent)
    versions = dict(re.findall(r"(\w+)/(\d+)", agent))
    name = next((one for one in ("Firefox", "FxiOS", "EdgA", "CriOS", "Chrome", "Version") if one in versions), None)
    if not (system and name):
        return agent[:80]
    return f"{'Safari' if name == 'Version' else name} {versions[name]} ({system[1]})"


def _name(row: Result) -> str:
    return Path(row.file.path).name
