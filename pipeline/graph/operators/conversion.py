"""Operators that change how reals are written: float to integer, one scale to another, integer to float."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..fixed_point import multiply, quantize_multiplier, round_half_away
from ..tensor import Tensor
from .activation import clamped, type_range
from .operator import Arrays, Shape, quantization


@dataclass(frozen=True)
class Quantize:
    """float to integer, or integer of one scale to integer of another. The reals stay what they are."""

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return inputs[0]

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        return inputs[0]

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        y = quantization(output)
        if tensors[0].dtype == "float32":
            return _from_float(inputs[0], output)
        x = quantization(tensors[0])
        multiplier = quantize_multiplier(x.per_tensor_scale / y.per_tensor_scale)
        return clamped(multiply(inputs[0].astype(np.int64) - x.zero_point, multiplier) + y.zero_point, "none", output)


@dataclass(frozen=True)
class Dequantize:
    """Integer to float32. The reals stay what they are."""

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return inputs[0]

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        return inputs[0]

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        return quantization(tensors[0]).dequantize(inputs[0])


def _from_float(x: NDArray[Any], output: Tensor) -> NDArray[Any]:
    """TFLite's AffineQuantize: divided in float32, ties away from zero."""
    low, high = type_range(output.dtype)
    steps = round_half_away(x / quantization(output).scale[0]) + quantization(output).zero_point
    return np.clip(steps, low, high).astype(output.dtype)
