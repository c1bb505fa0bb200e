"""What calibration sees and decides: histograms that do not depend on how values arrive, ranges, and which samples."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from edgestill.calibration.observers import Observer, Statistics, joint
from edgestill.calibration.ranges import METHODS, STEPS, expected, few_valued, min_max, mse, percentile, squared_error
from edgestill.calibration.sets import choose, stratified

FINITE = st.floats(-(2.0**100), 2.0**100, width=32)
VALUES = arrays(np.float32, st.integers(1, 60), elements=FINITE | st.floats(-8, 8, width=32) | st.just(0.0))


def seen(*parts: NDArray[Any]) -> Statistics:
    observer = Observer()
    for part in parts:
        observer.observe(part)
    return observer.statistics()


@given(VALUES, st.integers(0, 60), st.randoms())
def test_an_observer_says_the_same_however_the_values_arrive(values: NDArray[Any], cut: int, random: Any) -> None:
    order = list(range(len(values)))
    random.shuffle(order)
    assert seen(values[order][:cut], values[order][cut:]) == seen(values)


@given(VALUES, VALUES)
def test_joint_statistics_are_those_of_all_the_values(first: NDArray[Any], second: NDArray[Any]) -> None:
    assert joint([seen(first), seen(second)]) == seen(first, second)


@given(VALUES)
def test_every_value_lies_in_its_bin(values: NDArray[Any]) -> None:
    statistics = seen(values)
    assert statistics.counts.sum() == statistics.count == len(values)
    assert (statistics.low, statistics.high) == (values.min(), values.max())
    inside = (values >= statistics.first * statistics.width) & (
        values < (statistics.first + len(statistics.counts)) * statistics.width
    )
    assert inside.all()


def test_an_observer_refuses_what_is_not_finite_and_has_nothing_to_say_about_nothing() -> None:
    with pytest.raises(ValueError, match="not finite"):
        Observer().observe(np.array([1.0, np.nan]))
    with pytest.raises(ValueError, match="not finite"):
        Observer().observe(np.array([1.0, np.inf]))
    with pytest.raises(ValueError, match="saw no values"):
        seen(np.zeros(0, np.float32))


@given(VALUES, st.sampled_from(["min-max", "percentile"]))
def test_these_ranges_hold_zero_and_no_more_than_was_seen(values: NDArray[Any], method: Any) -> None:
    low, high = METHODS[method](seen(values))
    assert min(values.min(), 0) <= low <= 0 <= high <= max(values.max(), 0)


@given(VALUES)
def test_the_range_of_least_error_holds_zero_and_ends_there_where_nothing_was_seen_beyond(values: NDArray[Any]) -> None:
    low, high = mse(seen(values))
    assert low <= 0 <= high
    assert low == 0 or values.min() < 0
    assert high == 0 or values.max() > 0


def test_a_few_values_get_room_for_those_to_come_and_many_or_piled_up_ones_none() -> None:
    random = np.random.default_rng(0)
    few, many = (random.normal(0, 1, count).astype(np.float32) for count in (200, 500_000))
    assert mse(seen(few))[1] > few.max()
    assert mse(seen(many))[1] < many.max()
    assert mse(seen(np.minimum(few, 0.5)))[1] <= 0.51


def test_values_on_the_grid_of_a_byte_are_told_from_others() -> None:
    bytes_ = np.random.default_rng(0).integers(0, 256, 9999).astype(np.float32)
    assert few_valued(seen((bytes_ / 255 - 0.45) / 0.22))
    assert not few_valued(seen(np.random.default_rng(0).normal(0, 1, 9999).astype(np.float32)))


@given(VALUES)
def test_the_range_of_least_error_is_never_worse_than_everything(values: NDArray[Any]) -> None:
    statistics = seen(values)
    density = expected(statistics)
    assert squared_error(density, *mse(statistics)) <= squared_error(density, *min_max(statistics))


def test_a_lone_outlier_is_clipped_where_that_costs_less_than_coarse_steps() -> None:
    values = np.append(np.random.default_rng(0).standard_normal(500_000), 8).astype(np.float32)
    assert min_max(seen(values))[1] == 8
    assert 3 < mse(seen(values))[1] < 7
    assert 3 < percentile(seen(values), 0.999)[1] < 4


def test_the_error_of_a_histogram_is_nearly_that_of_its_values() -> None:
    values = np.random.default_rng(0).gamma(2.0, 1.0, 50_000).astype(np.float32)
    high = 9.0
    scale = high / STEPS
    exact = ((np.clip(np.round(values / scale), 0, STEPS) * scale - values) ** 2).sum()
    assert squared_error(expected(seen(values)), 0.0, high) == pytest.approx(exact, rel=0.05)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=80), st.integers(0, 90), st.integers(0, 3))
def test_a_stratified_set_gives_every_label_its_share(labels: list[int], count: int, seed: int) -> None:
    whole = np.array(labels)
    chosen = stratified(whole, count, seed)
    assert len(chosen) == min(count, len(whole))
    assert len(set(chosen.tolist())) == len(chosen)
    assert np.array_equal(chosen, stratified(whole, count, seed))
    for label in set(labels):
        share = labels.count(label) * len(chosen) / len(labels)
        assert abs((whole[chosen] == label).sum() - share) <= 1


@given(st.integers(0, 50), st.integers(0, 60))
def test_a_plain_set_is_seeded_sorted_and_without_doubles(total: int, count: int) -> None:
    chosen = choose(total, count, seed=1)
    assert len(chosen) == min(total, count)
    assert sorted(set(chosen.tolist())) == chosen.tolist()
    assert np.array_equal(chosen, choose(total, count, seed=1))
