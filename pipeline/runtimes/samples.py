"""Real samples in, real outputs out, whatever the file wants between: layout, INT8 steps, its own runtime."""

from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import BadData, BadModel
from ..graph.tensor import DType, per_tensor
from ..preprocess import channels_first
from .runtime import Port, Runtime, describe, run

RUNTIMES: dict[str, Runtime] = {".onnx": "onnxruntime", ".tflite": "litert"}


def infer(path: Path, samples: NDArray[np.float32], runtime: Runtime | None = None) -> NDArray[np.float32]:
    """The file's first output for samples (n, ...), float32 and channels last; (n, ...), float32.

    INT8 inputs are quantized and INT8 outputs dequantized with the file's own scales.
    """
    interface = describe(path)
    if len(interface.inputs) != 1:
        raise BadModel(f"{path.name}: it has {len(interface.inputs)} inputs; only models with one are carried")
    fed = as_input(samples, interface.inputs[0], path)
    outputs = run(path, [fed], runtime or RUNTIMES[path.suffix])
    return as_real(outputs.outputs[0], interface.outputs[0])


def sample_shape(path: Path) -> tuple[int, ...]:
    """The shape of one sample of the file's first input, channels last, with a batch of 1 before it: (1, h, w, c)."""
    shape = describe(path).inputs[0].shape[1:]
    if path.suffix == ".onnx" and len(shape) == 3:
        return (1, *shape[1:], shape[0])
    return (1, *shape)


def as_input(samples: NDArray[np.float32], port: Port, path: Path) -> NDArray[Any]:
    """Samples, channels last, as the port wants them: ONNX's channels first, a flat row, INT8 steps."""
    laid_out = channels_first(samples) if path.suffix == ".onnx" else samples
    if laid_out.shape[1:] != port.shape[1:]:
        if laid_out[0].size != np.prod(port.shape[1:]):
            raise BadData(f"{path.name}: samples have shape {laid_out.shape[1:]}, but its input takes {port.shape[1:]}")
        laid_out = laid_out.reshape(len(laid_out), *port.shape[1:])
    if port.scale is None or port.dtype == "float32":
        return laid_out
    return per_tensor(port.scale, port.zero_point or 0).quantize(laid_out, cast(DType, port.dtype))


def as_real(outputs: NDArray[Any], port: Port) -> NDArray[np.float32]:
    """Outputs as reals: INT8 steps with the port's scale, floats as they are."""
    if port.scale is None or port.dtype == "float32":
        return outputs.astype(np.float32)
    return per_tensor(port.scale, port.zero_point or 0).dequantize(outputs)
