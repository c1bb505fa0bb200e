"""Fused activations: as clamps of reals, and as clamps of the integers that stand for them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..fixed_point import round_half_away
from ..tensor import DType, Tensor
from .operator import Activation, quantization


def activated(reals: NDArray[Any], activation: Activation, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """The float statement of a fused activation; in `out`, which may be the reals themselves, where that is given."""
    if activation == "none":
        return reals
    floor: NDArray[Any] = np.maximum(reals, 0, out=out)
    return floor if activation == "relu" else np.minimum(floor, 6, out=floor)


def clamped(integers: NDArray[Any], activation: Activation, output: Tensor) -> NDArray[Any]:
    """Integers cut to the activation's range and the output's type (TFLite: CalculateActivationRangeQuantized)."""
    low, high = activation_range(activation, output)
    kept: NDArray[Any] = np.clip(integers, low, high).astype(output.dtype)
    return kept


def activation_range(activation: Activation, output: Tensor) -> tuple[int, int]:
    """The least and the greatest integer that the output may hold."""
    low, high = type_range(output.dtype)
    if activation != "none":
        low = max(low, quantization(output).zero_point)
    if activation == "relu6":
        high = min(high, integer_of(6.0, output))
    return low, high


def type_range(dtype: DType) -> tuple[int, int]:
    """The least and the greatest value of an integer type."""
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)


def integer_of(real: float, tensor: Tensor) -> int:
    """The integer that stands for a real, unclipped; divided in float32 as the kernels do."""
    steps = np.float32(real) / quantization(tensor).scale[0]
    return quantization(tensor).zero_point + int(round_half_away(steps))
