"""Softmax over the last axis, in float and in gemmlowp's fixed point."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..fixed_point import Integers, quantize_multiplier
from ..fixed_point import rounding_divide_by_power_of_two as divide
from ..fixed_point import saturating_rounding_doubling_high_mul as high_mul
from ..tensor import Tensor
from .operator import Arrays, Shape, quantization
from .transcendental import exp_on_negative_values, inverse_of_one_plus

SCALED_DIFFERENCE_BITS = 5  # integer bits of the scaled difference to the row's maximum: Q5.26
ACCUMULATION_BITS = 12  # integer bits of the sum of exponentials: Q12.19
DIFFERENCES = np.arange(-255, 1)  # what two int8 values can differ by, least to greatest


@dataclass(frozen=True)
class Softmax:
    """exp(beta * x), normalised over the last axis; the integer output has scale 1/256 and zero point -128."""

    beta: float = 1.0

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return inputs[0]

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        powers = np.exp(np.float32(self.beta) * (inputs[0] - inputs[0].max(axis=-1, keepdims=True)))
        normalised: NDArray[Any] = powers / powers.sum(axis=-1, keepdims=True)
        return normalised

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        x = inputs[0].astype(np.int64)
        exponentials, counts = exponential_table(self.beta, quantization(tensors[0]).per_tensor_scale)
        index = x - x.max(axis=-1, keepdims=True) + 255
        power = exponentials[index]
        total = np.where(counts[index], divide(power, ACCUMULATION_BITS), 0).sum(axis=-1, keepdims=True)
        headroom = 32 - _bit_length(total)
        inverse = inverse_of_one_plus((total << headroom) - 2**31)
        share = divide(high_mul(power, inverse), ACCUMULATION_BITS - headroom + 31 - 8) - 128
        return np.where(counts[index], np.clip(share, -128, 127), -128).astype(np.int8)


def exponential_table(beta: float, scale: float) -> tuple[Integers, NDArray[np.bool_]]:
    """exp(beta * scale * d) in Q0.31 for each difference d, and whether d is near enough to count at all."""
    fraction_bits = 31 - SCALED_DIFFERENCE_BITS
    multiplier = quantize_multiplier(min(float(np.float32(beta)) * scale * 2**fraction_bits, 2.0**31 - 1))
    exponent = int(multiplier.exponent)
    least = -int(np.floor((2**SCALED_DIFFERENCE_BITS - 1) * 2.0**fraction_bits / 2.0**exponent))
    counts = least <= DIFFERENCES
    scaled = high_mul(np.where(counts, DIFFERENCES, 0) << exponent, multiplier.significand)
    return exp_on_negative_values(scaled, SCALED_DIFFERENCE_BITS), counts


def _bit_length(x: Integers) -> Integers:
    """Bits up to the highest one that is set; exact, since float64 holds 32-bit integers."""
    return np.frexp(x.astype(np.float64))[1].astype(np.int64)
