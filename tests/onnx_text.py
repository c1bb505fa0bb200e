"""ONNX models as text: nodes in ONNX's own syntax, constants by their shape or their values."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper


def model_of(
    port: str, nodes: str, noise: Mapping[str, Any], numbers: Mapping[str, Any] | None = None, opset: int = 17
) -> bytes:
    """A file with one input, such as `float[1,8] x`, and output y; `noise` names constants with their shapes.

    Of `numbers`, whole ones are int64 and others float32; the name of a type stands for one zero of it.
    """
    header = f'<ir_version: 10, opset_import: ["": {opset}, "com.example": 1]>'
    model = onnx.parser.parse_model(f"{header}\ntest ({port}) => (float y) {{\n{nodes}\n}}")
    for name, shape in noise.items():
        values = np.abs(np.random.default_rng(0).standard_normal(shape)).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    for name, value in (numbers or {}).items():
        array = np.zeros((), value) if isinstance(value, str) else np.array(value)
        array = array.astype(np.float32) if array.dtype == np.float64 else array
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    return bytes(model.SerializeToString())
