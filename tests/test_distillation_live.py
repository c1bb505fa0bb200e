"""What was recorded of a teacher is what it would say live, and trainings that are timed take their steps in turn."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgestill.benchmarks.studies.training_speed import derived, measured
from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.data.dataset import DataSet
from edgestill.pipeline.distillation.augmentation import augmentation_of
from edgestill.pipeline.distillation.batches import batches
from edgestill.pipeline.distillation.guidance import Guidance, Heard
from edgestill.pipeline.distillation.guiding import Guiding
from edgestill.pipeline.distillation.live import live
from edgestill.pipeline.distillation.objective import Objective
from edgestill.pipeline.distillation.options import Training
from edgestill.pipeline.distillation.repeatable import repeatable
from edgestill.pipeline.distillation.taps import tapped
from edgestill.pipeline.distillation.teacher import net_teacher
from edgestill.pipeline.distillation.teacher_outputs import recorded, write_outputs
from edgestill.pipeline.distillation.train import trained
from edgestill.pipeline.errors import BadInput, BadRecipe
from edgestill.pipeline.models.catalog import build
from edgestill.pipeline.models.checkpoint import Checkpoint

torch.set_num_threads(1)
BRIEF = Training(epochs=2, batch=64, views=2, shift=1)
HOW = Guiding(methods=({"name": "soft-targets"}, {"name": "hint"}, {"name": "attention"}))


@pytest.fixture(autouse=True)
def torch_is_left_as_it_was_found() -> Iterator[None]:
    def state() -> tuple[object, ...]:
        filled = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
        return filled, torch.are_deterministic_algorithms_enabled(), torch.get_num_threads(), torch.initial_seed()

    before = state()
    yield
    assert state() == before


@pytest.fixture(scope="module")
def dataset() -> DataSet:
    return read_data("digits", 0)


@pytest.fixture(scope="module")
def teacher(dataset: DataSet) -> Checkpoint:
    return trained("residual", {"widths": (8, 16)}, dataset, dataclasses.replace(BRIEF, epochs=1))


def losses(heard: Heard, dataset: DataSet) -> list[float]:
    """The loss of an untrained student on every batch of two epochs, so of both views."""
    guidance = Guidance([heard], HOW)
    with repeatable(0, 1), torch.no_grad():
        net: Any = build("ds-cnn", (8, 8, 1), 10, {"width": 8, "depth": 1}).eval()
        objective = Objective(dataset.about.task, BRIEF, guidance)
        seen = list(batches(dataset, BRIEF, guidance))
        with tapped(net, objective.taps, seen[0].x[:1]) as listening:
            objective.prepare(net, listening, seen[0], len(dataset.train))
            return [float(objective(listening(batch.x), batch, 0.5)) for batch in seen]


def test_recorded_and_live_a_teacher_gives_the_same_losses(
    dataset: DataSet, teacher: Checkpoint, tmp_path: Path
) -> None:
    write_outputs(net_teacher(teacher, dataset), dataset, augmentation_of(BRIEF), 1, tmp_path, HOW.teacher_taps)
    kept = losses(recorded(tmp_path, dataset, BRIEF, HOW.teacher_taps), dataset)
    with live(teacher, dataset, HOW.teacher_taps) as heard:
        now = losses(heard, dataset)
    assert len(kept) == 38 and np.allclose(kept, now, rtol=1e-5, atol=1e-5)


def test_a_live_teacher_on_another_scale_is_refused(dataset: DataSet, teacher: Checkpoint) -> None:
    scaled = dataclasses.replace(dataset.about.preprocess, divisor=99.0)
    other = dataclasses.replace(dataset, about=dataclasses.replace(dataset.about, preprocess=scaled))
    with pytest.raises(BadInput, match="another scale than its student"), live(teacher, other):
        pass


def test_trainings_that_are_timed_take_as_many_steps_each(dataset: DataSet) -> None:
    few = dataclasses.replace(dataset, train=dataset.train.take(np.arange(640)))
    soft = {"soft targets": ({"name": "soft-targets"},)}
    rows = measured(few, Training(epochs=1, batch=64, views=1), {"small": {"widths": (8, 16)}}, soft)
    assert [(row.methods, row.heard) for row in rows] == [
        ("from scratch", ""),
        ("soft targets", "recorded"),
        ("soft targets", "live"),
    ]
    assert {len(row.wall) for row in rows} == {8} and all(step > 0 for row in rows for step in row.wall)
    found = derived(rows)
    assert found[0]["of_scratch"]["processor"] == 1.0 and [one["of_live"] is None for one in found] == [
        True,
        False,
        True,
    ]


def test_a_training_that_fails_leaves_nobody_waiting(dataset: DataSet) -> None:
    one_place = {"attention": ({"name": "attention", "student": ("embedding",), "teacher": ("embedding",)},)}
    few = dataclasses.replace(dataset, train=dataset.train.take(np.arange(640)))
    with pytest.raises(BadRecipe, match=r"attention|embedding"):
        measured(few, Training(epochs=1, batch=64, views=1), {"small": {"widths": (8, 16)}}, one_place)
