"""Dirty data: what is in two splits, what contradicts itself, what says nothing, and a part of the training samples."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.data.check import check
from edgestill.pipeline.data.dataset import DataSet, Split, load, save
from edgestill.pipeline.data.doubts import doubts
from edgestill.pipeline.data.duplicates import settled, shared
from edgestill.pipeline.data.splits import with_fewer
from edgestill.pipeline.errors import BadData, BadRecipe
from edgestill.pipeline.progress import listening
from edgestill.pipeline.recipe import read_recipe
from edgestill.pipeline.stages.prepare_data import PrepareData


@pytest.fixture(scope="module")
def clean() -> DataSet:
    return read_data("digits", seed=0)


class Heard:
    """Listens to what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def advance(self, done: int, total: int, note: str) -> None:
        pass

    def say(self, text: str) -> None:
        self.lines.append(text)


def joined(first: Split, second: Split) -> Split:
    return Split(np.concatenate([first.x, second.x]), np.concatenate([first.y, second.y]))


@pytest.fixture
def leaking(clean: DataSet) -> DataSet:
    """Five samples of test are in train too, and two in validation."""
    five, two = clean.test.take(np.arange(5)), clean.test.take(np.arange(5, 7))
    return dataclasses.replace(clean, train=joined(clean.train, five), validation=joined(clean.validation, two))


def test_shipped_data_share_no_sample_between_splits(clean: DataSet) -> None:
    for data in (clean, read_data("mnist-5k", seed=0)):
        assert not list(shared(data)) and not list(doubts(data))


def test_samples_in_two_splits_are_counted_named_and_refused(leaking: DataSet) -> None:
    with pytest.raises(BadData) as error:
        settled(leaking, "refuse")
    said = str(error.value)
    assert "5 samples of train are in test too (sample 1259 = sample 0, sample 1260 = sample 1," in said
    assert "2 samples of validation are in test too" in said and 'duplicates = "drop"' in said


def test_files_in_two_splits_are_named(leaking: DataSet) -> None:
    train, test = (
        dataclasses.replace(split, files=tuple(f"{name}/{row}.png" for row in range(len(split))))
        for name, split in (("train", leaking.train), ("test", leaking.test))
    )
    with pytest.raises(BadData, match=r"train/1259.png = test/0.png"):
        settled(dataclasses.replace(leaking, train=train, test=test), "refuse")


def test_dropped_samples_are_those_of_train_and_test_stays_whole(leaking: DataSet, clean: DataSet) -> None:
    heard = Heard()
    with listening(heard):
        after = settled(leaking, "drop")
    assert not list(shared(after)) and np.array_equal(after.test.x, clean.test.x)
    assert np.array_equal(after.train.x, clean.train.x) and np.array_equal(after.validation.x, clean.validation.x)
    assert "5 samples of train are in test too" in heard.lines[0] and "dropped there" in heard.lines[0]


def test_what_is_dropped_from_train_is_dropped_from_its_calibration(leaking: DataSet) -> None:
    with_leak = dataclasses.replace(leaking, calibration=joined(leaking.calibration, leaking.test.take(np.arange(3))))
    after = settled(with_leak, "drop")
    train = {sample.tobytes() for sample in after.train.x}
    assert len(after.calibration) == 200 and all(sample.tobytes() in train for sample in after.calibration.x)


def test_kept_samples_are_told(leaking: DataSet) -> None:
    heard = Heard()
    with listening(heard):
        assert settled(leaking, "keep") is leaking
    assert "kept: scores are better than they should be" in heard.lines[0]


def test_doubts_name_what_they_are_about(clean: DataSet) -> None:
    train, test = clean.train, clean.test
    twice = Split(np.concatenate([train.x, train.x[:1]]), np.append(train.y, (train.y[0] + 1) % 10))
    few = train.take(np.concatenate([np.flatnonzero(train.y != 3), np.flatnonzero(train.y == 3)[:8]]))
    blank = np.array(test.x)
    blank[:2] = 7
    said = {
        "no sample of test is labelled 4: its score says nothing of them": dataclasses.replace(
            clean, test=test.take(np.flatnonzero(test.y != 4))
        ),
        "but 8 of 3: accuracy hides what happens to the small classes": dataclasses.replace(clean, train=few),
        "1 samples are in train more than once, under different labels": dataclasses.replace(clean, train=twice),
        "2 of 359 samples of test hold one value throughout, the first is sample 0": dataclasses.replace(
            clean, test=Split(blank, test.y)
        ),
    }
    for message, dataset in said.items():
        assert [doubt for doubt in doubts(dataset) if doubt.endswith(message)], message


def test_a_class_without_a_training_sample_is_refused(clean: DataSet) -> None:
    train = clean.train.take(np.flatnonzero((clean.train.y != 3) & (clean.train.y != 5)))
    with pytest.raises(BadData, match="data set digits, train: no sample is labelled 3, 5"):
        check(dataclasses.replace(clean, train=train))


def test_faults_of_all_splits_are_told_at_once(clean: DataSet) -> None:
    flat = Split(clean.train.x[..., 0], clean.train.y)
    short = Split(clean.test.x, clean.test.y[:5])
    with pytest.raises(
        BadData, match=r"(?s)train: the samples in x have shape \(8, 8\).*test: 359 samples in x, but 5"
    ):
        check(dataclasses.replace(clean, train=flat, test=short))


def test_a_part_of_the_training_samples_keeps_every_label_in_its_share(clean: DataSet) -> None:
    fewer = with_fewer(clean, 100, seed=0)
    assert len(fewer.train) == len(fewer.calibration) == 100 and np.bincount(fewer.train.y).min() >= 9
    assert fewer.test is clean.test and fewer.about == clean.about
    assert with_fewer(clean, 0, seed=0) is clean and with_fewer(clean, 10**6, seed=0) is clean


def test_the_stage_prepares_a_part_and_says_its_doubts(tmp_path: Path) -> None:
    PrepareData("digits", train=50).write({}, tmp_path / "part")
    assert len(load(tmp_path / "part").train) == 50
    with pytest.raises(ValueError, match="train is -1; it must not be negative"):
        PrepareData("digits", train=-1)


def test_as_many_training_samples_calibrate_as_a_recipe_says(tmp_path: Path) -> None:
    PrepareData("digits", calibration=300).write({}, tmp_path / "more")
    PrepareData("digits", calibration=100_000).write({}, tmp_path / "all")
    assert len(load(tmp_path / "more").calibration) == 300
    assert len(load(tmp_path / "all").calibration) == len(load(tmp_path / "all").train)
    with pytest.raises(ValueError, match="calibration is 0; at least one sample must calibrate"):
        PrepareData("digits", calibration=0)


def test_train_and_duplicates_are_keys_of_data_in_a_recipe(tmp_path: Path) -> None:
    recipe = tmp_path / "own.toml"
    text = '[data]\nname = "digits"\ntrain = 300\nduplicates = "drop"\n[student]\nmodel = "ds-cnn"\n'
    recipe.write_text(text)
    assert read_recipe(recipe).data == PrepareData("digits", train=300, duplicates="drop")
    recipe.write_text(text.replace("drop", "burn"))
    with pytest.raises(BadRecipe, match="'burn' is not a choice; there are drop, keep, refuse"):
        read_recipe(recipe)


def test_the_names_of_files_are_kept_with_the_samples(clean: DataSet, tmp_path: Path) -> None:
    named = dataclasses.replace(clean.test, files=tuple(f"{row}.png" for row in range(len(clean.test))))
    save(dataclasses.replace(clean, test=named), tmp_path)
    assert load(tmp_path).test.files == named.files and load(tmp_path).train.files is None
