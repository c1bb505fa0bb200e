"""The fixed-point roundings against their definitions, written with Python's own integers."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from edgestill.pipeline.graph.fixed_point import (
    multiply,
    quantize_multiplier,
    rounding_divide_by_power_of_two,
    saturating_rounding_doubling_high_mul,
)

int32 = st.integers(-(2**31), 2**31 - 1)


def half_away(value: Fraction) -> int:
    size = int(abs(value) + Fraction(1, 2))
    return size if value >= 0 else -size


@given(int32, int32)
def test_the_high_product_is_gemmlowp_s_nudge_and_truncating_division(a: int, b: int) -> None:
    nudge = 2**30 if a * b >= 0 else 1 - 2**30
    truncated = int(Fraction(a * b + nudge, 2**31))
    assert int(saturating_rounding_doubling_high_mul(a, b)) == min(truncated, 2**31 - 1)


@given(int32, st.integers(0, 31))
def test_dividing_by_a_power_of_two_rounds_ties_away_from_zero(x: int, exponent: int) -> None:
    assert int(rounding_divide_by_power_of_two(x, exponent)) == half_away(Fraction(x, 2**exponent))


@given(st.floats(2**-31, 2**10))
def test_a_multiplier_is_its_real_to_31_bits(real: float) -> None:
    multiplier = quantize_multiplier(real)
    assert 2**30 <= int(multiplier.significand) < 2**31
    written = Fraction(int(multiplier.significand), 2**31) * Fraction(2) ** int(multiplier.exponent)
    assert abs(written - Fraction(real)) <= Fraction(real) / 2**31


@given(st.floats(0, 2**-33))
def test_a_multiplier_too_small_for_the_fixed_point_is_zero(real: float) -> None:
    assert int(multiply(2**31 - 1, quantize_multiplier(real))) == 0


@given(st.integers(-(2**20), 2**20), st.floats(2**-20, 2**9))
def test_a_product_is_within_one_of_the_real_one(x: int, real: float) -> None:
    assert abs(Fraction(int(multiply(x, quantize_multiplier(real)))) - x * Fraction(real)) <= 1
