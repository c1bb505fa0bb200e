"""Activation functions that stand alone: sigmoid, tanh, hard swish, and rectifiers that leak."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..fixed_point import (
    Integers,
    Multiplier,
    multiply,
    quantize_multiplier,
    rounding_divide_by_power_of_two,
)
from ..tensor import Quantization, Tensor
from .activation import clamped
from .operator import Arrays, Shape, quantization
from .transcendental import logistic, tanh

INTEGER_BITS = 4  # of what gemmlowp's logistic and tanh take
INT16_MIN, INT16_MAX = -(2**15), 2**15 - 1
HARD_SWISH_HEADROOM = 7  # bits by which the 8-bit input is moved up into 16


@dataclass(frozen=True)
class Sigmoid:
    """1 / (1 + exp(-x)); the integer output has scale 1/256 and zero point -128."""

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return inputs[0]

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        power = np.exp(-np.abs(inputs[0]))
        found: NDArray[Any] = np.where(inputs[0] >= 0, 1, power) / (1 + power)
        return found

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        return _by_table(inputs[0], tensors[0], lambda a: rounding_divide_by_power_of_two(logistic(a), 23) - 128)


@dataclass(frozen=True)
class Tanh:
    """tanh(x); the integer output has scale 1/128 and zero point 0."""

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return inputs[0]

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        found: NDArray[Any] = np.tanh(inputs[0])
        return found

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        return _by_table(inputs[0], tensors[0], lambda a: rounding_divide_by_power_of_two(tanh(a), 24))


@dataclass(frozen=True)
class HardSwish:
    """x * min(max(x + 3, 0), 6) / 6; the kernel counts in 16 bits, and wants an input scale below 128 output scales."""

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return inputs[0]

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        x = inputs[0]
        found: NDArray[Any] = x * np.clip(x + 3, 0, 6) / 6
        return found

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        x, y = quantization(tensors[0]), quantization(output)
        step = np.float32(1 / 128) * x.scale[0]
        to_output = quantize_multiplier(float(step / y.scale[0]))
        to_gate = quantize_multiplier(float(step / np.float32(3 / 32768)))
        widened = (inputs[0].astype(np.int64) - x.zero_point) << HARD_SWISH_HEADROOM
        gate = (_gate(widened, to_gate) + 2**15) >> 1
        product = gate * _high_mul(widened, _significand(to_output))
        towards_zero = np.sign(product) * (np.abs(product) >> 15)
        return clamped(_shifted(towards_zero, to_output) + y.zero_point, "none", output)


@dataclass(frozen=True)
class LeakyRelu:
    """x where it is positive, alpha * x elsewhere; alpha is not negative."""

    alpha: float

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return inputs[0]

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        x = inputs[0]
        return np.where(x > 0, x, x * x.dtype.type(self.alpha))

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        x, y = quantization(tensors[0]), quantization(output)
        alpha = float(np.float32(self.alpha))
        kept = quantize_multiplier(x.per_tensor_scale / y.per_tensor_scale)
        leaked = quantize_multiplier(x.per_tensor_scale * alpha / y.per_tensor_scale)
        steps = inputs[0].astype(np.int64) - x.zero_point
        scaled = np.where(steps >= 0, multiply(steps, kept), multiply(steps, leaked))
        return clamped(scaled + y.zero_point, "none", output)


@dataclass(frozen=True)
class PRelu:
    """x where it is positive, slope * x elsewhere; the slope, a second and constant input, broadcasts to x."""

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        if np.broadcast_shapes(*inputs) != inputs[0]:
            raise ValueError(f"slopes of shape {inputs[1]} on an input of shape {inputs[0]}")
        return inputs[0]

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        x, slope = inputs
        return np.where(x >= 0, x, x * slope)

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        x, slope, y = (quantization(tensor) for tensor in (*tensors, output))
        ratio = x.per_tensor_scale / y.per_tensor_scale
        leaking = x.per_tensor_scale * slope.per_tensor_scale / y.per_tensor_scale
        steps = inputs[0].astype(np.int64) - x.zero_point
        kept = multiply(steps, quantize_multiplier(ratio))
        leaked = multiply(steps * (inputs[1].astype(np.int64) - slope.zero_point), quantize_multiplier(leaking))
        return clamped(np.where(steps >= 0, kept, leaked) + y.zero_point, "none", output)


def shrinks_too_much(x: Quantization, y: Quantization) -> bool:
    """Whether an int8 HARD_SWISH refuses these scales of its input and output."""
    return not np.float32(1 / 128) * x.scale[0] / y.scale[0] < 1


def _by_table(x: NDArray[Any], tensor: Tensor, function: Callable[[Integers], Integers]) -> NDArray[Any]:
    """The int8 results of a function of Q4.27 values, computed once for each of the 256 values that x may have.

    Beyond what four integer bits hold, the kernels saturate (TFLite: CalculateInputRadius).
    """
    scale = quantization(tensor)
    to_fixed_point = quantize_multiplier(scale.per_tensor_scale * 2.0 ** (31 - INTEGER_BITS))
    steps = np.arange(-128, 128) - scale.zero_point
    radius = (2**INTEGER_BITS - 1) * 2.0 ** (31 - INTEGER_BITS) // 2.0 ** int(to_fixed_point.exponent)
    inside = np.abs(steps) < radius
    found = function(multiply(np.where(inside, steps, 0), to_fixed_point))
    table = np.where(inside, np.clip(found, -128, 127), np.where(steps < 0, -128, 127)).astype(np.int8)
    return table[x.astype(np.int64) + 128]


def _gate(widened: Integers, to_gate: Multiplier) -> Integers:
    """x / 3 in 16-bit fixed point, saturated at both ends and on the way as the kernel does."""
    exponent = int(to_gate.exponent)
    raised = np.clip(widened << max(exponent - 1, 0), INT16_MIN, INT16_MAX)
    scaled = _high_mul(raised, _significand(to_gate))
    return np.clip(scaled << 1, INT16_MIN, INT16_MAX) if exponent > 0 else _shifted(scaled, to_gate)


def _high_mul(a: Integers, b: int) -> Integers:
    """The 16-bit rounding doubling high product; b is a significand, so that nothing saturates."""
    return (a * b + 2**14) >> 15


def _significand(multiplier: Multiplier) -> int:
    """The multiplier's significand in 16 bits (TFLite: DownScaleInt32ToInt16Multiplier)."""
    return min((int(multiplier.significand) + 2**15) >> 16, INT16_MAX)


def _shifted(x: Integers, multiplier: Multiplier) -> Integers:
    """x shifted right as a multiplier below 1 asks for."""
    return rounding_divide_by_power_of_two(x, max(-int(multiplier.exponent), 0))
