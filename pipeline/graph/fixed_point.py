"""The fixed-point arithmetic of TFLite's integer kernels, on whole arrays.

Sources: gemmlowp `fixedpoint/fixedpoint.h` for the roundings, TFLite `kernels/internal/quantization_util.cc` for the
multiplier; the idea is section 2.2 of Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018. Values are 32-bit integers held in int64 arrays.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

INT32_MAX = 2**31 - 1
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Multiplier:
    """The reals `significand / 2**31 * 2**exponent`, significand in [2**30, 2**31); one, or one a channel."""

    significand: Integers
    exponent: Integers


def quantize_multiplier(real: ArrayLike) -> Multiplier:
    """The nearest fixed-point multipliers of non-negative float64 reals; those below 2**-32 become zero."""
    fraction, exponent = np.frexp(np.asarray(real, np.float64))
    significand = np.floor(fraction * 2.0**31 + 0.5).astype(np.int64)
    carried = significand == 2**31
    significand = np.where(carried, 2**30, significand)
    exponent = np.where(carried, exponent + 1, exponent).astype(np.int64)
    vanishes = exponent < -31
    return Multiplier(np.where(vanishes, 0, significand), np.where(vanishes, 0, exponent))


def saturating_rounding_doubling_high_mul(a: ArrayLike, b: ArrayLike) -> Integers:
    """The high 32 bits of `2 * a * b`; ties go up, and -2**31 times itself saturates."""
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    high: Integers = np.minimum((product + (1 << 30)) >> 31, INT32_MAX)
    return high


def rounding_divide_by_power_of_two(x: ArrayLike, exponent: ArrayLike) -> Integers:
    """`x / 2**exponent` rounded to nearest, ties away from zero; exponent in 0..31."""
    value, shift = np.asarray(x, np.int64), np.asarray(exponent, np.int64)
    mask = (np.int64(1) << shift) - 1
    rounds_up = (value & mask) > (mask >> 1) + (value < 0)
    return (value >> shift) + rounds_up


def multiply(x: ArrayLike, by: Multiplier) -> Integers:
    """TFLite's MultiplyByQuantizedMultiplier: two roundings, so not always the nearest integer to the product."""
    left, right = np.maximum(by.exponent, 0), np.maximum(-by.exponent, 0)
    high = saturating_rounding_doubling_high_mul(np.asarray(x, np.int64) << left, by.significand)
    return rounding_divide_by_power_of_two(high, right)


def saturated(x: Integers) -> Integers:
    """Cut to 32 bits."""
    return np.clip(x, -(2**31), INT32_MAX)


def round_half_away(x: NDArray[Any]) -> NDArray[np.float64]:
    """C's `round`: to nearest, ties away from zero."""
    reals = np.asarray(x, np.float64)
    return np.copysign(np.floor(np.abs(reals) + 0.5), reals)
