"""Why INT8 is slower than float: only what the two rows recorded, and what is known to follow from it."""

from collections.abc import Iterator
from typing import Any

from ..tables.human import counted, micros
from .result import Result

SMALL_US = 100.0  # a call below this is mostly what surrounds the arithmetic
DOT_PRODUCTS = {"aarch64": ("asimddp", "i8mm"), "x86_64": ("avx_vnni", "avx512_vnni", "amx_int8")}
UNKNOWN = "nothing that was recorded says why; measure on the device that counts"


def why_slower(int8: Result, real: Result) -> str | None:
    """The reasons that the rows give, the weightiest first; None where they give none."""
    return "; ".join(_reasons(int8, real)) or None


def _reasons(int8: Result, real: Result) -> Iterator[str]:
    runtime = int8.runtime or {}
    if runtime.get("name") == "onnxruntime-web/wasm":
        yield "ONNX Runtime Web has few INT8 kernels for WebAssembly and converts around them; LiteRT.js has more"
    if runtime.get("delegate") == "none" and (real.runtime or {}).get("delegate") not in (None, "none"):
        yield f"{(real.runtime or {})['delegate']} took the float file and not this one, which ran on plain kernels"
    device = int8.telemetry.get("device") or {}
    if missing := _no_dot_products(device):
        yield missing
    calls = real.latency()
    if calls and calls.p50 < SMALL_US:
        layers = f" for {counted(int8.file.operators, 'operator')}" if int8.file.operators else ""
        yield f"a call of {micros(calls.p50)}{layers} is mostly what surrounds the arithmetic, and INT8 adds to it"


def _no_dot_products(device: Any) -> str | None:
    """A processor that says what it can do, and INT8 dot products are not among it."""
    wanted = DOT_PRODUCTS.get(str(device.get("arch")))
    features = device.get("features")
    if not wanted or features is None or set(wanted) & set(features):
        return None
    return f"the processor ({device.get('cpu')}) has no INT8 dot products: none of {', '.join(wanted)}"
