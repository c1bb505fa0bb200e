"""Exponentials, quotients, the logistic function and the hyperbolic tangent in gemmlowp's 32-bit fixed point.

Source: gemmlowp `fixedpoint/fixedpoint.h`. Qm.n has m integer and n fraction bits beside the sign, m + n = 31.
"""

import numpy as np

from ..fixed_point import INT32_MAX, Integers, saturated
from ..fixed_point import rounding_divide_by_power_of_two as divide
from ..fixed_point import saturating_rounding_doubling_high_mul as high_mul

# exp(-1/4), exp(-1/2), exp(-1), ... exp(-16) in Q0.31, by the power of two that each is for
EXPONENTIALS = {-2: 1672461947, -1: 1302514674, 0: 790015084, 1: 290630308, 2: 39332535, 3: 720401, 4: 242}
EXP_MINUS_EIGHTH, THIRD = 1895147668, 715827883  # Q0.31
FORTY_EIGHT_SEVENTEENTHS, MINUS_THIRTY_TWO_SEVENTEENTHS = 1515870810, -1010580540  # Q2.29
ONE_IN_Q2 = 1 << 29


def exp_on_negative_values(a: Integers, integer_bits: int) -> Integers:
    """exp of values <= 0 with 4 or 5 integer bits, as Q0.31: a quarter step by a polynomial, the rest bit by bit."""
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    remainder_of_quarter = (a & (quarter - 1)) - quarter
    power = _exp_on_last_quarter(remainder_of_quarter << integer_bits)
    rest = remainder_of_quarter - a
    for exponent, constant in EXPONENTIALS.items():
        if exponent < integer_bits:
            power = np.where(rest & (1 << (fraction_bits + exponent)), high_mul(power, constant), power)
    return np.where(a == 0, INT32_MAX, power)


def inverse_of_one_plus(a: Integers) -> Integers:
    """1 / (1 + a) of Q0.31 values in [0, 1], as Q0.31."""
    return saturated(_twice_the_inverse(a) << 1)


def logistic(a: Integers) -> Integers:
    """1 / (1 + exp(-a)) of Q4.27 values, as Q0.31."""
    of_magnitude = inverse_of_one_plus(exp_on_negative_values(-np.abs(a), integer_bits=4))
    mirrored = np.where(a > 0, of_magnitude, INT32_MAX - of_magnitude)
    return np.where(a == 0, 1 << 30, mirrored)


def tanh(a: Integers) -> Integers:
    """tanh of Q4.27 values, as Q0.31: (1 - e) / (1 + e) with e = exp(-2 |a|)."""
    power = exp_on_negative_values(-np.abs(a), integer_bits=5)  # the same bits, read with one more integer bit, are 2a
    magnitude = saturated((_twice_the_inverse(power) - ONE_IN_Q2) << 2)
    return np.where(a == 0, 0, np.where(a < 0, -magnitude, magnitude))


def _exp_on_last_quarter(a: Integers) -> Integers:
    """exp of Q0.31 values in [-1/4, 0), by its Taylor series around -1/8."""
    x = a + (1 << 28)
    square = high_mul(x, x)
    cube, fourth = high_mul(square, x), high_mul(square, square)
    tail = divide(high_mul(divide(fourth, 2) + cube, THIRD) + square, 1)
    return np.minimum(EXP_MINUS_EIGHTH + high_mul(EXP_MINUS_EIGHTH, x + tail), INT32_MAX)


def _twice_the_inverse(a: Integers) -> Integers:
    """2 / (1 + a) of Q0.31 values in [0, 1], as Q2.29, by three Newton-Raphson steps."""
    half = (a + INT32_MAX + 1) >> 1
    x = FORTY_EIGHT_SEVENTEENTHS + high_mul(half, MINUS_THIRTY_TWO_SEVENTEENTHS)
    for _ in range(3):
        x = x + saturated(high_mul(x, ONE_IN_Q2 - high_mul(half, x)) << 2)
    return x
