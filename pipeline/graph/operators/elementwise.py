"""Operators that work value by value: sums, products and bounds of two tensors, and clamps that stand alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..fixed_point import multiply, quantize_multiplier
from ..tensor import Tensor
from .activation import activated, clamped, integer_of, type_range
from .operator import Activation, Arrays, Shape, quantization

HEADROOM = 20  # bits by which TFLite's int8 ADD and SUB shift both terms before it brings them to one scale


@dataclass(frozen=True)
class Add:
    """a + b with numpy's broadcasting; each of the three tensors has its own scale."""

    activation: Activation = "none"

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return np.broadcast_shapes(*inputs)

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        return activated(inputs[0] + inputs[1], self.activation)

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        common, terms = _brought_together(inputs, tensors)
        return _scaled_sum(terms[0] + terms[1], common, self.activation, output)


@dataclass(frozen=True)
class Sub:
    """a - b with numpy's broadcasting; each of the three tensors has its own scale."""

    activation: Activation = "none"

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return np.broadcast_shapes(*inputs)

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        return activated(inputs[0] - inputs[1], self.activation)

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        common, terms = _brought_together(inputs, tensors)
        return _scaled_sum(terms[0] - terms[1], common, self.activation, output)


@dataclass(frozen=True)
class Mul:
    """a * b with numpy's broadcasting; each of the three tensors has its own scale."""

    activation: Activation = "none"

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return np.broadcast_shapes(*inputs)

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return prod(outputs[0].shape)

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        return activated(inputs[0] * inputs[1], self.activation)

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        a, b, y = (quantization(tensor) for tensor in (*tensors, output))
        multiplier = quantize_multiplier(a.per_tensor_scale * b.per_tensor_scale / y.per_tensor_scale)
        products = (inputs[0].astype(np.int64) - a.zero_point) * (inputs[1].astype(np.int64) - b.zero_point)
        return clamped(multiply(products, multiplier) + y.zero_point, self.activation, output)


@dataclass(frozen=True)
class Maximum:
    """The greater of a and b, with numpy's broadcasting; the kernel compares integers: all three share one scale."""

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return np.broadcast_shapes(*inputs)

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        return np.maximum(inputs[0], inputs[1])

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        return np.maximum(inputs[0], inputs[1])


@dataclass(frozen=True)
class Minimum:
    """The lesser of a and b, with numpy's broadcasting; the kernel compares integers: all three share one scale."""

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return np.broadcast_shapes(*inputs)

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        return np.minimum(inputs[0], inputs[1])

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        return np.minimum(inputs[0], inputs[1])


@dataclass(frozen=True)
class Relu:
    """max(x, 0); input and output may have different scales."""

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return inputs[0]

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        return activated(inputs[0], "relu")

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        x, y = quantization(tensors[0]), quantization(output)
        multiplier = quantize_multiplier(x.per_tensor_scale / y.per_tensor_scale)
        scaled = multiply(inputs[0].astype(np.int64) - x.zero_point, multiplier)
        return clamped(scaled + y.zero_point, "relu", output)


@dataclass(frozen=True)
class Relu6:
    """min(max(x, 0), 6); the kernel only clamps, so input and output share scale and zero point."""

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return inputs[0]

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        return activated(inputs[0], "relu6")

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        six = min(type_range(output.dtype)[1], integer_of(6.0, tensors[0]))
        return np.clip(inputs[0], quantization(tensors[0]).zero_point, six)


def common_scale(tensors: Sequence[Tensor]) -> float:
    """To which the terms of a sum are brought, but for its headroom: twice the larger one."""
    return 2 * max(quantization(tensor).per_tensor_scale for tensor in tensors)


def _brought_together(inputs: Arrays, tensors: Sequence[Tensor]) -> tuple[float, list[NDArray[Any]]]:
    """The terms in steps of one scale, the common one over 2**HEADROOM; and the common one."""
    common = common_scale(tensors)
    return common, [_brought_to(common, x, tensor) for x, tensor in zip(inputs, tensors, strict=True)]


def _brought_to(common: float, x: NDArray[Any], tensor: Tensor) -> NDArray[Any]:
    steps = (x.astype(np.int64) - quantization(tensor).zero_point) << HEADROOM
    return multiply(steps, quantize_multiplier(quantization(tensor).per_tensor_scale / common))


def _scaled_sum(total: NDArray[Any], common: float, activation: Activation, output: Tensor) -> NDArray[Any]:
    y = quantization(output)
    multiplier = quantize_multiplier(common / (2.0**HEADROOM * y.per_tensor_scale))
    return clamped(multiply(total, multiplier) + y.zero_point, activation, output)
