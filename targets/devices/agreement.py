"""Whether a device computes what this machine does, with the same runtime and the same inputs."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...pipeline.artifact import Artifact
from ...pipeline.errors import EdgestillError
from ..counts import Agreement
from ..host import RUNTIMES, Host
from ..target import Arrays

QUIET = threading.RLock()  # whoever measures on this machine holds it, and is not disturbed from here
FLOAT_SHARE = 1e-4  # of the largest output: what float kernels of two processors may differ by


def agreement(file: Artifact, outputs: Arrays) -> Agreement | None:
    """Of a device's outputs on seeded inputs with the host's; None where the host cannot run the file.

    LiteRT's integers must be equal. ONNX Runtime rounds otherwise on Arm than on x86: there a quantization step is
    allowed, and to all float models what float kernels differ by.
    """
    try:
        with QUIET, Host().load(file) as loaded:
            expected, runtime = loaded.infer(), loaded.runtime
    except EdgestillError:
        return None
    steps = onnx_steps(file) if RUNTIMES[file.kind] == "onnxruntime" else {}
    wrong = sum(
        differing(one, other, steps.get(index))
        for index, (one, other) in enumerate(zip(outputs, expected, strict=True))
    )
    return Agreement(f"host, {runtime['name']} {runtime['version']}", wrong, sum(int(one.size) for one in outputs))


def differing(one: NDArray[Any], other: NDArray[Any], step: float | None) -> int:
    """Values further apart than `step` allows; None: than the type does."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return int(max(one.size, other.size))
    a, b = one.astype(np.float64), other.astype(np.float64)
    both_nan = np.isnan(a) & np.isnan(b)
    if step is None:
        step = 0.0 if one.dtype.kind in "iub" else FLOAT_SHARE * float(np.nanmax(np.abs(b), initial=0.0))
    return int((~(np.abs(a - b) <= step * (1 + 1e-6)) & ~both_nan).sum())


def onnx_steps(file: Artifact) -> dict[int, float]:
    """Output -> its quantization step: 1 for integers, the scale of what gives floats from them."""
    import onnx

    if file.kind != "onnx":
        return {}
    graph = onnx.load(file.path, load_external_data=False).graph
    makers = {name: node for node in graph.node for name in node.output}
    scales = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    found = {index: _step(makers.get(output.name), scales) for index, output in enumerate(graph.output)}
    whole = {index: 1.0 for index, output in enumerate(graph.output) if _is_integer(output)}
    return {index: step for index, step in {**found, **whole}.items() if step is not None}


def _step(node: Any, scales: dict[str, NDArray[Any]]) -> float | None:
    if node is None or node.op_type != "DequantizeLinear" or node.input[1] not in scales:
        return None
    return float(np.max(scales[node.input[1]]))


def _is_integer(output: Any) -> bool:
    import onnx

    integers: Sequence[int] = (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
    return output.type.tensor_type.elem_type in integers
