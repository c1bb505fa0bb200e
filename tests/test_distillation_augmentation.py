"""Every change keeps shape and type, is the same each time it is asked for, and is refused where it is senseless."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.data.dataset import DataSet
from edgestill.pipeline.distillation.augmentation import (
    CHUNK,
    Augmentation,
    augmentation_of,
    augmented,
    check_augmentation,
    shifted,
)
from edgestill.pipeline.distillation.options import Training
from edgestill.pipeline.distillation.views import fed, raw_view, view
from edgestill.pipeline.errors import BadInput
from edgestill.pipeline.features.mel import Mfcc
from edgestill.pipeline.preprocess import Preprocess, channels_first

IMAGE = Preprocess((9, 12, 3), divisor=255.0, mean=(0.5,), std=(0.25,))
SERIES = Preprocess((1, 50, 6), "float32", mean=(1.0,), std=(2.0,))
SOUND = Preprocess((49, 10, 1), "float32", front_end=Mfcc(coefficients=10))
TOKENS = Preprocess((40,), "int32")
EVERY: list[dict[str, Any]] = [
    {"shift": 2},
    {"time_shift": 3},
    {"flip": True},
    {"scale": 0.2},
    {"noise": 0.3},
    {"cutout": 4},
    {"time_mask": 4},
    {"frequency_mask": 3},
]


def samples(preprocess: Preprocess, n: int = 30) -> NDArray[Any]:
    random = np.random.default_rng(1)
    values = random.integers(1, 256, (n, *preprocess.shape)).astype(np.uint8)
    return values if preprocess.dtype == "uint8" else values.astype(preprocess.dtype)


def changed(x: NDArray[Any], preprocess: Preprocess, seed: int = 0, **how: Any) -> NDArray[Any]:
    return augmented(x, Augmentation(**{"shift": 0, **how}), preprocess, [seed, 1])


@pytest.mark.parametrize("how", EVERY, ids=str)
def test_a_change_changes_the_samples_alone_and_repeats_with_its_seed(how: dict[str, Any]) -> None:
    x = samples(IMAGE)
    once = changed(x, IMAGE, **how)
    assert once.shape == x.shape and once.dtype == x.dtype and not np.array_equal(once, x)
    assert np.array_equal(once, changed(x, IMAGE, **how))
    assert not np.array_equal(once, changed(x, IMAGE, seed=5, **how))


def test_one_change_does_not_disturb_the_draws_of_another() -> None:
    x = samples(IMAGE)
    flipped, mirrored = changed(x, IMAGE, flip=True), x[:, :, ::-1]
    noisy = changed(x, IMAGE, flip=True, noise=1e-9)
    assert np.array_equal(noisy, flipped)
    assert all(
        np.array_equal(new, old) or np.array_equal(new, other)
        for new, old, other in zip(flipped, x, mirrored, strict=True)
    )


def test_parts_make_no_difference_that_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    x = samples(IMAGE, 11)
    whole = changed(x, IMAGE, shift=2)
    monkeypatch.setattr("edgestill.pipeline.distillation.augmentation.CHUNK", 4)
    assert np.array_equal(changed(x, IMAGE, shift=2), whole) and CHUNK > 11


def test_noise_is_measured_in_the_deviations_of_the_preprocess() -> None:
    x = samples(SERIES, 200)
    difference = changed(x, SERIES, noise=0.5) - x
    assert abs(float(difference.std()) - 0.5 * 2.0) < 0.02 and abs(float(difference.mean())) < 0.02


def test_a_factor_is_one_for_the_whole_sample_and_one_on_average() -> None:
    x = samples(SERIES, 400)
    factors = changed(x, SERIES, scale=0.1) / x
    assert np.allclose(factors, factors[:, :1, :1, :1], atol=1e-5)
    assert abs(float(factors.mean()) - 1) < 0.02 and abs(float(factors[:, 0, 0, 0].std()) - 0.1) < 0.02


@given(st.integers(1, 8), st.integers(0, 99))
def test_a_cutout_hides_one_square_and_what_is_hidden_is_zero_to_a_net(side: int, seed: int) -> None:
    x = samples(IMAGE, 3)
    hidden = np.abs(IMAGE.apply(changed(x, IMAGE, seed, cutout=side))).max(axis=-1) < 0.02
    for sample in hidden & (changed(x, IMAGE, seed, cutout=side) != x).any(axis=-1):
        rows, columns = np.flatnonzero(sample.any(axis=1)), np.flatnonzero(sample.any(axis=0))
        assert len(rows) <= side and len(columns) <= side and np.ptp(rows) < side and np.ptp(columns) < side


@given(st.integers(1, 9), st.integers(0, 99))
def test_masks_hide_whole_steps_of_time_and_whole_bands(most: int, seed: int) -> None:
    x = samples(SOUND, 4)
    for name, axis in (("time_mask", 1), ("frequency_mask", 2)):
        same = changed(x, SOUND, seed, **{name: most}) == x
        whole = same.all(axis=(3 - axis, 3)) | ~same.any(axis=(3 - axis, 3))
        assert whole.all() and (~same.all(axis=(3 - axis, 3))).sum(axis=1).max() <= most


def test_a_series_moves_along_its_time_alone() -> None:
    x = samples(SERIES)
    moved = changed(x, SERIES, shift=3)
    gaps = (moved == 0).all(axis=(1, 3)).sum(axis=1)
    assert moved.shape == x.shape and gaps.max() == 3 and not (moved == 0).all(axis=(1, 2, 3)).any()


def test_shift_where_it_is_not_given_is_for_images_of_bytes() -> None:
    how = Augmentation()
    x = samples(IMAGE)
    assert np.array_equal(augmented(x, how, IMAGE, [0, 1]), changed(x, IMAGE, shift=2))
    for preprocess in (SERIES, SOUND, TOKENS):
        x = samples(preprocess)
        assert augmented(x, how, preprocess, [0, 1]) is x


@pytest.mark.parametrize(
    ("preprocess", "how", "message"),
    [
        (TOKENS, {"flip": True}, "flip makes no sense on token ids; leave it out under"),
        (TOKENS, {"shift": 2}, "shift makes no sense on token ids"),
        (SERIES, {"flip": True}, "flip makes no sense on series of shape"),
        (SERIES, {"frequency_mask": 2}, "frequency_mask makes no sense on series"),
        (SOUND, {"flip": True}, "flip makes no sense on features of mfcc"),
        (Preprocess((64,), "float32"), {"cutout": 3}, r"cutout makes no sense on samples of shape \(64,\)"),
        (IMAGE, {"shift": 9}, r"shift is 9, but a sample is \(9, 12, 3\); lower it"),
        (IMAGE, {"cutout": 10}, "cutout is 10, but a sample is"),
        (SOUND, {"frequency_mask": 10}, "frequency_mask is 10, but a sample is"),
        (SERIES, {"time_mask": 50}, "time_mask is 50, but a sample is"),
    ],
)
def test_a_senseless_change_is_named_before_any_work(preprocess: Preprocess, how: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        check_augmentation(Augmentation(**how), preprocess)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"views": 0}, "views is 0; it must be at least 1"),
        ({"noise": -0.1}, "noise is -0.1; it must be at least 0"),
        ({"shift": 65}, "shift is 65; it must be at most 64"),
        ({"views": 1, "flip": True}, "views is 1, and the first view is not changed: flip needs views of 2 or more"),
    ],
)
def test_an_augmentation_out_of_its_range_is_named(how: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Augmentation(**how)


def test_the_augmentation_of_a_training_is_all_that_decides_its_views() -> None:
    how = {name: value for change in EVERY for name, value in change.items()}
    assert dataclasses.asdict(augmentation_of(Training(views=3, epochs=2, **how))) == {"views": 3, **how}


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return read_data("digits", seed=0)


def test_the_first_view_is_the_samples_and_others_are_fed_as_they_were_changed(digits: DataSet) -> None:
    how = Augmentation(views=3, noise=0.2)
    assert np.array_equal(raw_view(digits, 0, how), digits.train.x)
    first, second = (raw_view(digits, index, how) for index in (1, 2))
    assert not np.array_equal(first, second)
    assert np.array_equal(view(digits, 1, how).numpy(), channels_first(digits.about.preprocess.apply(first)))


def test_many_samples_are_fed_a_part_at_a_time_to_the_same_values() -> None:
    x = np.random.default_rng(0).integers(0, 256, (CHUNK + 3, 2, 2, 1), np.uint8)
    preprocess = Preprocess((2, 2, 1), divisor=255.0, mean=(0.3,), std=(0.7,))
    assert np.array_equal(fed(x, preprocess).numpy(), channels_first(preprocess.apply(x)))


def test_a_moved_sample_comes_back_when_nothing_fell_off() -> None:
    x = np.zeros((2, 7, 7, 1), np.uint8)
    x[:, 2:5, 2:5] = samples(Preprocess((3, 3, 1)), 2)
    moves = np.array([[2, -1], [-2, 2]])
    assert np.array_equal(shifted(shifted(x, moves), -moves), x)
