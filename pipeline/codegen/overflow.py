"""Where 32 bits do not hold what a kernel computes for some input: TFLite's own kernels overflow there, too.

A kernel ends with `value * multiplier`: the value, shifted left as far as the multiplier asks for, must fit 32 bits.
Each function tells the greatest magnitude that can arise, of each channel or of all, and what it is multiplied by.
"""

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..graph.fixed_point import INT32_MAX, Multiplier, quantize_multiplier
from ..graph.operators import (
    Add,
    AveragePool2d,
    BatchMatMul,
    Conv2d,
    DepthwiseConv2d,
    FullyConnected,
    LeakyRelu,
    Mean,
    Mul,
    Operator,
    PRelu,
    Quantize,
    Relu,
    Softmax,
    Sub,
    TransposeConv2d,
)
from ..graph.operators.elementwise import HEADROOM, common_scale
from ..graph.operators.operator import quantization
from ..graph.operators.reduction import mean_multiplier
from ..graph.operators.requantization import channel_multiplier
from ..graph.tensor import Tensor

Tensors = Sequence[Tensor]
Products = Iterator[tuple[NDArray[Any] | int, Multiplier]]
Of = Callable[[Any, Tensors, Tensor], Products]
ONE = quantize_multiplier(0.5)  # asks for no shift


def overflows(operator: Operator, inputs: Tensors, output: Tensor) -> bool:
    """Whether some input makes the kernel of an int8 operator leave 32 bits."""
    of = PRODUCTS.get(type(operator))
    return of is not None and any(not _fits(*product) for product in of(operator, inputs, output))


def _fits(magnitude: NDArray[Any] | int, multiplier: Multiplier) -> bool:
    left = np.clip(multiplier.exponent, 0, 31).astype(np.int64)
    return bool((np.asarray(magnitude, np.int64) <= INT32_MAX >> left).all())


def _reach(tensor: Tensor) -> int:
    """How far an int8 value can be from the zero point."""
    zero = quantization(tensor).zero_point
    return max(127 - zero, zero + 128)


def _ratio(x: Tensor, output: Tensor, factor: float = 1.0) -> Multiplier:
    return quantize_multiplier(quantization(x).per_tensor_scale * factor / quantization(output).per_tensor_scale)


def _sums(inputs: Tensors, channels_last: bool) -> NDArray[np.int64]:
    """The greatest magnitude of each output channel's sum, bias included, whatever the order of its terms."""
    weights = np.asarray(inputs[1].data, np.int64)
    rows = weights.reshape(-1, weights.shape[-1]).T if channels_last else weights.reshape(len(weights), -1)
    bias = np.zeros(len(rows), np.int64) if len(inputs) < 3 else np.asarray(inputs[2].data, np.int64)
    zero = quantization(inputs[0]).zero_point
    above, below = rows.clip(min=0).sum(1), -rows.clip(max=0).sum(1)
    most = bias + (127 - zero) * above + (128 + zero) * below
    least = bias - (128 + zero) * above - (127 - zero) * below
    magnitude: NDArray[np.int64] = np.maximum(np.abs(most), np.abs(least))
    return magnitude


def _weighted(operator: Operator, inputs: Tensors, output: Tensor) -> Products:
    yield _sums(inputs, isinstance(operator, DepthwiseConv2d)), channel_multiplier(inputs, output)


def _dense(operator: FullyConnected, inputs: Tensors, output: Tensor) -> Products:
    yield _sums(inputs, channels_last=False), channel_multiplier(inputs, output)


def _sum(operator: Add | Sub, inputs: Tensors, output: Tensor) -> Products:
    end = common_scale(inputs) / (2.0**HEADROOM * quantization(output).per_tensor_scale)
    yield INT32_MAX, quantize_multiplier(end)  # terms have headroom of their own; the kernel shifts right alone


def _product(operator: Mul, inputs: Tensors, output: Tensor) -> Products:
    a, b = inputs
    yield _reach(a) * _reach(b), _ratio(a, output, quantization(b).per_tensor_scale)


def _matrices(operator: BatchMatMul, inputs: Tensors, output: Tensor) -> Products:
    for magnitude, multiplier in _product(cast(Mul, operator), inputs, output):
        yield magnitude * inputs[0].shape[-1], multiplier


def _rectified(operator: PRelu, inputs: Tensors, output: Tensor) -> Products:
    yield _reach(inputs[0]), _ratio(inputs[0], output)
    yield from _product(cast(Mul, operator), inputs, output)


def _rescaled(operator: Quantize | Relu, inputs: Tensors, output: Tensor) -> Products:
    yield _reach(inputs[0]), _ratio(inputs[0], output)


def _leaking(operator: LeakyRelu, inputs: Tensors, output: Tensor) -> Products:
    for factor in (1.0, operator.alpha):
        yield _reach(inputs[0]), _ratio(inputs[0], output, factor)


def _mean(operator: Mean, inputs: Tensors, output: Tensor) -> Products:
    count = prod(inputs[0].shape[axis] for axis in operator.axes)
    yield count * _reach(inputs[0]), mean_multiplier(inputs[0], output, count)


def _pool(operator: AveragePool2d, inputs: Tensors, output: Tensor) -> Products:
    yield 128 * prod(operator.kernel), ONE


def _shares(operator: Softmax, inputs: Tensors, output: Tensor) -> Products:
    yield inputs[0].shape[-1] << 19, ONE  # exponentials of up to 1 in Q12.19


PRODUCTS: dict[type[Operator], Of] = {
    Add: _sum,
    AveragePool2d: _pool,
    BatchMatMul: _matrices,
    Conv2d: _weighted,
    DepthwiseConv2d: _weighted,
    FullyConnected: _dense,
    LeakyRelu: _leaking,
    Mean: _mean,
    Mul: _product,
    PRelu: _rectified,
    Quantize: _rescaled,
    Relu: _rescaled,
    Softmax: _shares,
    Sub: _sum,
    TransposeConv2d: _weighted,
}
