"""From 32-bit sums to the integers of an output: the one step that every quantized sum ends with."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..fixed_point import Multiplier, multiply, quantize_multiplier
from ..tensor import Tensor
from .activation import clamped
from .operator import Activation, Arrays, quantization

EXACT_IN_FLOAT32 = 2**24 // (255 * 128)  # products of (int8 - zero point) and int8 whose sum float32 holds exactly


def exact_operands(inputs: Arrays, tensors: Sequence[Tensor], terms: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """x minus its zero point, and the weights, in the faster float type that holds a sum of `terms` products exactly.

    No order of summation rounds, so matrix products of BLAS serve as integer arithmetic; and a padded 0 is real 0.
    """
    dtype = np.dtype(np.float32 if terms <= EXACT_IN_FLOAT32 else np.float64)
    centred = inputs[0].astype(np.int16) - quantization(tensors[0]).zero_point
    return centred.astype(dtype), inputs[1].astype(dtype)


def channel_multiplier(tensors: Sequence[Tensor], output: Tensor) -> Multiplier:
    """`s_x * s_w / s_y`, one a channel, in float64 from the float32 scales.

    TFLite: PopulateConvolutionQuantizationParams.
    """
    x, weights = quantization(tensors[0]), quantization(tensors[1])
    scales = weights.scale.astype(np.float64)
    return quantize_multiplier(x.per_tensor_scale * scales / quantization(output).per_tensor_scale)


def requantized(
    sums: NDArray[Any], bias: NDArray[Any] | None, multiplier: Multiplier, activation: Activation, output: Tensor
) -> NDArray[Any]:
    """Sums (..., channels) with bias (channels,), scaled, moved to the output's zero point and clamped."""
    total = sums.astype(np.int64) if bias is None else sums.astype(np.int64) + bias
    return clamped(multiply(total, multiplier) + quantization(output).zero_point, activation, output)
