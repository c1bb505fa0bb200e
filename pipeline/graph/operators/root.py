"""The reciprocal square root, in float and in the fixed point of TFLite's kernel."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..fixed_point import INT32_MAX, Integers, Multiplier, multiply, quantize_multiplier, saturated
from ..fixed_point import rounding_divide_by_power_of_two as divide
from ..fixed_point import saturating_rounding_doubling_high_mul as high_mul
from ..tensor import Tensor
from .activation import clamped
from .operator import Arrays, Shape, quantization

SHIFT = 20  # bits by which the kernel keeps 1 / sqrt(steps) an integer
ONE, THREE_HALVES = 1 << 28, (1 << 28) + (1 << 27)  # Q3.28
HALF_SQRT_2 = 1518500250  # Q0.31
NEWTON_STEPS = 5


@dataclass(frozen=True)
class Rsqrt:
    """1 / sqrt(x) of x > 0; the integer output of 0 is the greatest that there is."""

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return inputs[0]

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        root: NDArray[Any] = 1 / np.sqrt(inputs[0])
        return root

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        """TFLite: RsqrtEvalQuantized. Steps below the zero point have no root; the kernel refuses them."""
        x, y = quantization(tensors[0]), quantization(output)
        steps = inputs[0].astype(np.int64) - x.zero_point
        scale = quantize_multiplier(1.0 / float(np.sqrt(x.scale[0]) * y.scale[0]))  # in float32, as the kernel does
        roots = multiply(1, _lifted(_inverse_root(np.maximum(steps, 1)), SHIFT))
        values = clamped(multiply(roots, _lifted(scale, -SHIFT)) + y.zero_point, "none", output)
        return np.where(steps <= 0, np.int8(127), values)


def _lifted(multiplier: Multiplier, bits: int) -> Multiplier:
    return Multiplier(multiplier.significand, multiplier.exponent + bits)


def _inverse_root(x: Integers) -> Multiplier:
    """1 / sqrt(x) of integers from 1 to 2**29 - 1 by Newton's method. TFLite: GetInvSqrtQuantizedMultiplierExp."""
    pairs = (31 - np.frexp(x.astype(np.float64))[1]) // 2 - 1
    scaled = (x << (2 * pairs)) >> 1  # Q3.28, in [1/4, 1)
    half = divide(scaled, 1)
    root = np.full_like(x, ONE)
    for _ in range(NEWTON_STEPS):
        cube = saturated(high_mul(high_mul(root, root), root) << 6)
        root = saturated((high_mul(THREE_HALVES, root) - high_mul(half, cube)) << 3)
    root = high_mul(root, HALF_SQRT_2)
    shift = 11 - pairs
    negative = np.maximum(-shift, 0)
    significand = np.where(x <= 1, INT32_MAX, root << negative)
    return Multiplier(significand, np.where(x <= 1, 0, -(shift + negative)))
