"""Statistics: the definitions they stand on, and the laws that follow."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgestill.benchmarks.stats import (
    P99_NEEDS,
    latency,
    median_interval,
    paired_difference,
    percentile,
    speed_ratio,
    spread,
    t_975,
)

samples = st.lists(st.floats(0.01, 1e7), min_size=1, max_size=60)
shares = st.floats(0, 100)


@given(samples, shares)
def test_a_percentile_is_numpys_default(values: list[float], share: float) -> None:
    assert percentile(sorted(values), share) == pytest.approx(np.percentile(values, share))


@given(samples, shares, shares)
def test_percentiles_rise(values: list[float], one: float, other: float) -> None:
    low, high = sorted((one, other))
    below, above = percentile(sorted(values), low), percentile(sorted(values), high)
    assert below <= above or below == pytest.approx(above)


@given(samples)
def test_latency_is_in_order(values: list[float]) -> None:
    found = latency(values)
    assert found.n == len(values)
    assert found.min <= found.p50 + 1e-3 and found.p50 <= found.p90 + 1e-3 <= max(values) + 2e-3
    assert found.p50_low <= found.p50 + 1e-3 and found.p50 <= found.p50_high + 1e-3
    assert found.p99 is None


def test_p99_is_told_from_a_thousand_calls_on() -> None:
    assert latency([1.0] * (P99_NEEDS - 1)).p99 is None
    assert latency([1.0] * P99_NEEDS).p99 == 1.0


def test_one_outlier_moves_the_mean_but_not_the_median() -> None:
    found = latency([60.0] * 49 + [5000.0])
    assert (found.p50, found.p90, found.mad) == (60.0, 60.0, 0.0)
    assert found.mean == pytest.approx(158.8)


@given(st.integers(1, 3000))
def test_the_median_lies_in_its_interval(count: int) -> None:
    values = [float(value) for value in range(count)]
    low, high = median_interval(values)
    assert low <= percentile(values, 50) <= high


def test_the_median_interval_covers_in_95_of_100_trials() -> None:
    trials = np.sort(np.random.default_rng(0).lognormal(size=(2000, 200)), axis=1)
    inside = sum(low <= 1.0 <= high for low, high in map(median_interval, trials.tolist()))
    assert 0.93 < inside / 2000 < 0.975


def test_one_seed_has_no_deviation() -> None:
    assert spread([97.0]).deviation is None
    assert spread([96.0, 98.0]).deviation == pytest.approx(math.sqrt(2))


@given(samples)
def test_nothing_differs_from_itself(values: list[float]) -> None:
    found = paired_difference(values, values)
    assert found.estimate == 0.0
    assert not found.excludes(0.0)


def test_a_paired_difference_has_students_interval() -> None:
    found = paired_difference([97.1, 97.3, 96.7], [96.2, 96.6, 95.9])
    assert found.estimate == pytest.approx(0.8)
    assert found.low == pytest.approx(0.5516, abs=1e-3)
    assert found.high == pytest.approx(1.0484, abs=1e-3)
    assert found.excludes(0.0)


@given(st.lists(st.integers(0, 100), min_size=3, max_size=6), st.integers(-50, 50), st.sampled_from([1.0, 0.1, 1 / 3]))
def test_pairs_that_all_differ_alike_are_no_chance(base: list[int], steps: int, step: float) -> None:
    found = paired_difference([(value + steps) * step for value in base], [value * step for value in base])
    assert (found.low, found.high, found.alike) == (None, None, True)
    assert found.excludes(0.0) == (steps != 0)


def test_what_rounding_may_hide_of_three_pairs_is_less_than_a_step() -> None:
    assert t_975(2) / math.sqrt(12) / math.sqrt(3) < 1 < t_975(1) / math.sqrt(12) / math.sqrt(2)


def test_two_pairs_that_differ_alike_prove_nothing() -> None:
    found = paired_difference([90.0, 91.0], [70.0, 71.0])
    assert found.low is None and not found.excludes(0.0)


def test_one_pair_proves_nothing() -> None:
    found = paired_difference([97.0], [90.0])
    assert (found.low, found.high) == (None, None)
    assert not found.excludes(0.0)


@given(st.lists(st.lists(st.floats(1, 1e4), min_size=1, max_size=5), min_size=2, max_size=5))
def test_twice_as_fast_is_two(rounds: list[list[float]]) -> None:
    found = speed_ratio([[value / 2 for value in part] for part in rounds], rounds)
    assert found.estimate == pytest.approx(2)
    assert found.low == pytest.approx(2) and found.high == pytest.approx(2)


@given(*[st.lists(st.lists(st.floats(1, 1e4), min_size=1, max_size=5), min_size=3, max_size=3)] * 2)
def test_faster_one_way_is_slower_the_other(one: list[list[float]], other: list[list[float]]) -> None:
    there, back = speed_ratio(one, other), speed_ratio(other, one)
    assert there.estimate == pytest.approx(1 / back.estimate)
    assert there.low is not None and back.high is not None and there.low == pytest.approx(1 / back.high)


def test_students_t_falls_to_the_normal_quantile() -> None:
    assert all(one > other for one, other in itertools.pairwise(map(t_975, range(1, 200))))
    assert t_975(31) == pytest.approx(2.0395, abs=0.004)
    assert t_975(10**6) == pytest.approx(1.95996, abs=1e-4)
