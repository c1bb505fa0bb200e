"""Few labels: a part of train keeps them, the rest is a pool, and everything that reads labels copes."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from edgestill.benchmarks.report.forewarning import guessed
from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.data.check import check
from edgestill.pipeline.data.dataset import DataSet, load
from edgestill.pipeline.data.doubts import doubts
from edgestill.pipeline.data.labels import counted, is_labelled, labelled, with_labels
from edgestill.pipeline.data.pool import pooled
from edgestill.pipeline.distillation.batches import batches
from edgestill.pipeline.distillation.guidance import Guidance, Recorded
from edgestill.pipeline.distillation.guiding import Guiding
from edgestill.pipeline.distillation.loss import task_loss
from edgestill.pipeline.distillation.options import Training
from edgestill.pipeline.distillation.train import trained
from edgestill.pipeline.errors import BadData
from edgestill.pipeline.models.trained_on import has_seen
from edgestill.pipeline.own_code import factories_in
from edgestill.pipeline.stages.prepare_data import PrepareData
from edgestill.pipeline.task import Task

torch.set_num_threads(1)
BRIEF = Training(epochs=2, batch=32, learning_rate=0.02, views=1)
SMALL = Path(__file__).parent / "cases" / "small.toml"


@pytest.fixture(scope="module")
def whole() -> DataSet:
    return counted(read_data("digits", seed=0))


@pytest.fixture(scope="module")
def few(whole: DataSet) -> DataSet:
    """Fifty labels, and a pool of the other digits."""
    return counted(with_labels(whole, 50, seed=0))


def heard(dataset: DataSet) -> Guidance:
    """A teacher that is sure of nothing."""
    return Guidance([Recorded(np.zeros((1, len(dataset.train), 10), np.float32))], Guiding())


def test_every_class_keeps_its_share_of_the_labels_and_no_sample_is_lost(whole: DataSet, few: DataSet) -> None:
    known = is_labelled(few.train.y)
    assert known.sum() == few.about.labels == 50 and np.bincount(few.train.y[known]).tolist() == [5] * 10
    assert np.array_equal(few.train.x, whole.train.x)
    assert np.array_equal(few.train.y[known], whole.train.y[known])
    assert (few.test, few.validation) == (whole.test, whole.validation)
    assert len(few.calibration) == 200 and not is_labelled(few.calibration.y).all()


def test_as_many_labels_as_there_are_samples_leave_no_pool(whole: DataSet) -> None:
    assert with_labels(whole, 0, seed=0) is whole and with_labels(whole, 10**6, seed=0) is whole
    assert labelled(whole.train) is whole.train and whole.about.labels == len(whole.train)


@given(count=st.integers(10, 400), seed=st.integers(0, 99))
@settings(deadline=None)
def test_another_seed_draws_other_labels_the_same_seed_the_same(whole: DataSet, count: int, seed: int) -> None:
    drawn = [is_labelled(with_labels(whole, count, one).train.y) for one in (seed, seed, seed + 1)]
    assert np.array_equal(drawn[0], drawn[1]) and not np.array_equal(drawn[0], drawn[2])
    assert drawn[0].sum() == count


def test_too_few_labels_are_named(whole: DataSet) -> None:
    with pytest.raises(BadData, match="labelled is 7, but there are 10 classes, each of which needs a label"):
        with_labels(whole, 7, seed=0)
    with pytest.raises(BadData, match="labelled is 7, but what is reconstructed needs none"):
        with_labels(read_data("synthetic-machine", 0), 7, seed=0)
    with pytest.raises(ValueError, match="labelled is -1; it must not be negative"):
        PrepareData("digits", labelled=-1)


def test_a_pool_passes_the_check_only_where_somebody_asked_for_one(few: DataSet) -> None:
    check(few)
    with pytest.raises(BadData, match="the labels in y go from -1 to 9"):
        check(dataclasses.replace(few, about=dataclasses.replace(few.about, labels=None)))
    wrong = dataclasses.replace(few.test, y=np.full_like(few.test.y, -1))
    with pytest.raises(BadData, match="test: the labels in y go from -1"):
        check(dataclasses.replace(few, test=wrong))


def test_the_pool_contradicts_nobody_and_makes_no_class_uneven(few: DataSet, whole: DataSet) -> None:
    assert list(doubts(few)) == list(doubts(whole))


def test_the_stage_writes_which_labels_are_known(tmp_path: Path) -> None:
    PrepareData("digits", labelled=60, calibration=90).write({}, tmp_path / "data")
    dataset = load(tmp_path / "data")
    assert dataset.about.labels == 60 == is_labelled(np.asarray(dataset.train.y)).sum()
    assert len(dataset.calibration) == 90 and guessed(dataset) < 20


def test_who_has_no_teacher_sees_the_labelled_in_as_many_steps(few: DataSet) -> None:
    alone, taught = (list(batches(few, BRIEF, guidance)) for guidance in (None, heard(few)))
    assert len(alone) == len(taught) == 2 * (len(few.train) // 32)
    rows = torch.cat([batch.rows for batch in alone])
    assert set(rows.tolist()) == set(np.flatnonzero(is_labelled(few.train.y)).tolist())
    counts = np.unique(rows.numpy(), return_counts=True)[1]
    assert counts.max() - counts.min() <= 2  # of two epochs
    assert all((batch.y >= 0).all() for batch in alone) and any((batch.y < 0).any() for batch in taught)


def test_where_every_label_is_known_the_order_is_as_ever(whole: DataSet) -> None:
    order = torch.Generator().manual_seed(BRIEF.seed)
    rows = next(iter(batches(whole, BRIEF, None))).rows
    assert torch.equal(rows, torch.randperm(len(whole.train), generator=order)[:32])


def test_a_student_from_scratch_learns_from_its_few_labels(few: DataSet) -> None:
    net = trained("ds-cnn", {"width": 8, "depth": 1}, few, dataclasses.replace(BRIEF, epochs=6))
    assert net.about.history[-1].validation > 40 and net.about.data is not None and net.about.data.labels == 50


def test_the_loss_is_that_of_the_known_targets_alone() -> None:
    random = torch.Generator().manual_seed(0)
    logits, values = torch.randn(6, 3, generator=random), torch.randn(6, 2, generator=random)
    y = torch.tensor([0, -1, 2, -1, 1, -1])
    classes = Task("classify", ("a", "b", "c"))
    known = functional.cross_entropy(logits[::2], y[::2])
    assert torch.allclose(task_loss(classes, logits, logits, y), known)
    wanted = values + 1
    wanted[1::2] = torch.nan
    assert task_loss(Task("regress", ("a", "b")), values, values, wanted) == pytest.approx(1, abs=1e-6)
    assert task_loss(Task("regress", ("a", "b")), values, values, wanted * torch.nan) == 0


def test_a_teacher_that_saw_more_labels_is_called_that(whole: DataSet, few: DataSet) -> None:
    said = str(has_seen(whole.about.drawn, few.about))
    assert f"the teacher saw {len(whole.train):,} labels of digits, the student from scratch 50" in said
    assert has_seen(few.about.drawn, whole.about) is None and has_seen(few.about.drawn, few.about) is None


def test_a_run_with_few_labels_says_so(tmp_path: Path, edgestill: Callable[..., Any]) -> None:
    recipe = SMALL.read_text().replace('name = "digits"\n', 'name = "digits"\nlabelled = 60\n', 1)
    (tmp_path / "few.toml").write_text(recipe)
    ended = edgestill(["run", str(tmp_path / "few.toml"), "--out", str(tmp_path / "out")], tmp_path / "store")
    assert ended.returncode == 0, ended.stderr
    notes = json.loads((tmp_path / "out" / "report.json").read_text())["notes"]
    assert any(note.startswith("60 of 1,2") and "training samples have a label" in note for note in notes)


def test_samples_of_one_s_own_join_the_pool(whole: DataSet, tmp_path: Path) -> None:
    np.savez(tmp_path / "more.npz", x=255 - np.asarray(whole.test.x[:40]))
    with factories_in(tmp_path):
        PrepareData("digits", labelled=50, unlabelled="more.npz").write({}, tmp_path / "data")
    dataset = load(tmp_path / "data")
    assert len(dataset.train) == len(whole.train) + 40 and dataset.about.labels == 50
    assert not is_labelled(np.asarray(dataset.train.y[-40:])).any()
    np.savez(tmp_path / "other.npz", x=np.asarray(whole.test.x[:4], np.float32))
    with pytest.raises(BadData, match=r"other.npz: its samples are float32, those of digits uint8"):
        pooled(whole, tmp_path / "other.npz", seed=0)


def test_test_samples_in_the_pool_are_refused(whole: DataSet, tmp_path: Path) -> None:
    np.savez(tmp_path / "leak.npz", x=np.asarray(whole.test.x[:3]))
    with factories_in(tmp_path), pytest.raises(BadData, match="3 samples of train are in test too"):
        PrepareData("digits", unlabelled="leak.npz").write({}, tmp_path / "data")


def test_texts_in_a_folder_join_the_pool_with_their_words(tmp_path: Path) -> None:
    for label in ("a", "b"):
        (tmp_path / "texts" / label).mkdir(parents=True)
        for number in range(20):
            (tmp_path / "texts" / label / f"{number}.txt").write_text(f"{label} says {number}")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "one.txt").write_text("nobody said what this is")
    with factories_in(tmp_path):
        PrepareData("texts", unlabelled="more", options={"folder": "texts", "length": 8}).write({}, tmp_path / "data")
    train = load(tmp_path / "data").train
    assert train.y[-1] == -1 and train.text is not None and train.text[-1] == "nobody said what this is"
