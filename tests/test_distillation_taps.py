"""Layers are heard by their path and recorded once, and a schedule runs from its start to its end."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from edgestill.pipeline.chain import chain
from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.data.dataset import DataSet
from edgestill.pipeline.distillation.augmentation import Augmentation
from edgestill.pipeline.distillation.guiding import Guiding
from edgestill.pipeline.distillation.options import Training
from edgestill.pipeline.distillation.schedules import STAIRS, Scheduled, Shape
from edgestill.pipeline.distillation.taps import EMBEDDING, tapped
from edgestill.pipeline.distillation.teacher import net_teacher
from edgestill.pipeline.distillation.teacher_outputs import guidance, recorded, write_outputs
from edgestill.pipeline.distillation.train import heard
from edgestill.pipeline.distillation.views import view
from edgestill.pipeline.errors import BadInput, BadRecipe
from edgestill.pipeline.models.catalog import build
from edgestill.pipeline.models.checkpoint import About, Checkpoint
from edgestill.pipeline.own_code import factories_in
from edgestill.pipeline.recipe import read_recipe

torch.set_num_threads(1)
VIEWS = Augmentation(views=2, shift=1)
SHAPES = get_args(Shape)


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return read_data("digits", seed=0)


@pytest.fixture(scope="module")
def untrained(digits: DataSet) -> Checkpoint:
    """A teacher whose answers are as good as any to be recorded."""
    torch.manual_seed(0)
    net = build("residual", (8, 8, 1), 10, {"widths": (8, 16)}).eval()
    return Checkpoint(net, About("residual", {}, digits.about.task, digits.about.preprocess, 0))


@given(st.sampled_from(SHAPES), st.floats(0.1, 20), st.floats(0.1, 20), st.lists(st.floats(0, 1), min_size=2))
def test_a_schedule_never_turns_back(shape: Shape, start: float, end: float, moments: list[float]) -> None:
    values = [Scheduled(start, end, shape).at(moment) for moment in sorted(moments)]
    steps = np.diff(values) * (1 if end >= start else -1)
    assert (steps >= -1e-9).all()


@given(st.sampled_from([shape for shape in SHAPES if shape != "constant"]), st.floats(0.1, 20), st.floats(0.1, 20))
def test_a_schedule_begins_at_its_start_and_ends_at_its_end(shape: Shape, start: float, end: float) -> None:
    schedule = Scheduled(start, end, shape)
    assert schedule.at(0) == start and schedule.at(1) == pytest.approx(end)


def test_a_temperature_goes_down_from_20_to_1_in_as_many_levels_as_are_told() -> None:
    schedule = Scheduled(20, 1, "stairs")
    levels = {schedule.at(step / 1000) for step in range(1000)}
    assert sorted(levels) == pytest.approx(np.linspace(1, 20, STAIRS))


@pytest.mark.parametrize("path", ["features.0", "features", EMBEDDING])
def test_a_net_that_is_heard_computes_as_ever(untrained: Checkpoint, digits: DataSet, path: str) -> None:
    x = view(digits, 0, VIEWS)[:6]
    with torch.no_grad(), tapped(untrained.net, [path], x) as listening:
        answers = listening(x)
    with torch.no_grad():
        assert torch.equal(answers.outputs, untrained.net(x))
        last = dict(untrained.net.named_modules())["head.dense"]
        if path == EMBEDDING:
            assert torch.allclose(last(answers.features[path]), answers.outputs)
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in untrained.net.modules())


def test_a_layer_that_is_not_there_is_answered_with_those_that_are(untrained: Checkpoint) -> None:
    with pytest.raises(BadRecipe, match=r"no layer of the net is called 'feature'; there are 'embedding'.*features\.0"):
        heard(untrained.net, torch.zeros(1, 1, 8, 8), ["feature"])


def test_what_is_recorded_of_a_layer_is_what_it_gives_in_every_view(
    digits: DataSet, untrained: Checkpoint, tmp_path: Path
) -> None:
    taps = ("features.1", EMBEDDING)
    write_outputs(net_teacher(untrained, digits), digits, VIEWS, 1, tmp_path, taps)
    said = recorded(tmp_path, digits, Training(views=2, shift=1), taps)
    live = heard(untrained.net, view(digits, 1, VIEWS), taps)
    for path in taps:
        assert np.allclose(said.features[path][1], live.features[path].numpy(), atol=1e-5)
    rows = torch.tensor([5, 3, 900])
    answers = said.answers(1, rows, view(digits, 1, VIEWS)[rows])
    assert torch.allclose(answers.features[EMBEDDING], live.features[EMBEDDING][rows], atol=1e-5)
    with pytest.raises(BadInput, match=r"the teacher's layer 'features\.0' was not heard"):
        recorded(tmp_path, digits, Training(views=2, shift=1), ["features.0"])


class Named(nn.Module):
    """A net one of whose layers is called as the file of a teacher's outputs is."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Linear(64, 12)
        self.last = nn.Linear(12, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.last(self.logits(x.flatten(1)))
        return found


def test_a_layer_called_logits_is_recorded_beside_the_outputs(digits: DataSet, tmp_path: Path) -> None:
    torch.manual_seed(0)
    teacher = Checkpoint(Named().eval(), About("mine:named", {}, digits.about.task, digits.about.preprocess, 0))
    write_outputs(net_teacher(teacher, digits), digits, VIEWS, 1, tmp_path, ["logits"])
    said = recorded(tmp_path, digits, Training(views=2, shift=1), ["logits"])
    assert said.logits.shape[2:] == (10,) and said.features["logits"].shape[2:] == (12,)


def test_a_net_without_a_dense_layer_or_a_convolution_has_no_embedding() -> None:
    with pytest.raises(BadRecipe, match="the net runs none: name a layer"):
        heard(nn.Flatten(), torch.zeros(2, 1, 8, 8), [EMBEDDING])


def test_answers_that_would_fill_the_disk_are_refused_before_they_do(
    digits: DataSet, untrained: Checkpoint, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=r"would fill 0\.0 GB, the most is 0\.001: features\.0 alone"):
        write_outputs(net_teacher(untrained, digits), digits, VIEWS, 1, tmp_path, ("features.0",), limit=0.001)
    assert not list(tmp_path.glob("*.npy"))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"temperature_end": 1.0}, "temperature_schedule and temperature_end need each other"),
    ({"alpha_schedule": "linear"}, "alpha_schedule and alpha_end need each other"),
    (
        {"alpha_schedule": "linear", "alpha_end": 1.5},
        "alpha_end is 1.5; it is the teacher's share of the loss, from 0 to 1",
    ),
    ({"methods": ({"weight": 1.0},)}, "a method needs a name; there are"),
    ({"methods": ({"name": "soft-target"},)}, "no method is named 'soft-target'; there are"),
    ({"methods": ({"name": "logits", "weight": -1},)}, "weight is -1; it must be a number from 0 to 1,000,000"),
    (
        {"methods": ({"name": "logits", "weight": 1e300},)},
        r"weight is 1e\+300; it must be a number from 0 to 1,000,000",
    ),
    ({"methods": ({"name": "logits", "weight": float("nan")},)}, "weight is nan; it must be a number from 0 to"),
    ({"temperature": 1e30}, r"temperature is 1e\+30; it must be at most 1000"),
    ({"temperature": 1e-300}, "temperature is 1e-300; it must be at least 0.001"),
    ({"temperature_schedule": "linear", "temperature_end": 1e30}, r"temperature_end is 1e\+30; it must be at most"),
    ({"methods": ({"name": "logits", "weight": 0},), "alpha": 1.0}, "nothing would train the student"),
    ({"methods": ({"name": "dkd", "weight": 0.0}, {"name": "hint", "weight": 0}), "alpha": 1.0}, "nothing would train"),
    ({"methods": ({"name": "logits", "colour": 1},)}, "no option is named 'colour'"),
]


@pytest.mark.parametrize(("options", "said"), WRONG)
def test_what_a_student_cannot_listen_to_is_refused_before_it_is_trained(options: Mapping[str, Any], said: str) -> None:
    with pytest.raises((ValueError, BadRecipe), match=said):
        Guiding(**options)


def test_methods_without_weight_are_no_fault_while_the_labels_have_a_share() -> None:
    silent = ({"name": "logits", "weight": 0},)
    assert Guiding(methods=silent, alpha=0.5).chosen
    assert Guiding(methods=silent, alpha=1.0, alpha_end=0.5, alpha_schedule="linear").chosen


OWN = """
import torch
from edgestill.pipeline.distillation.method import Lesson, Method

class Mine(Method):
    def __init__(self, student: tuple[str, ...] = ("features",), teacher: tuple[str, ...] = ("features.1",)):
        super().__init__(student, teacher)

    def forward(self, lesson: Lesson) -> torch.Tensor:
        return sum((own.mean() - theirs.mean()).square() for own, theirs in self.heard(lesson))
"""
RECIPE = """
seeds = 2
[data]
name = "digits"
[training]
views = 2
[teacher]
model = "residual"
options = { widths = [8, 16] }
epochs = 1
[student]
model = "ds-cnn"
options = { width = 8, depth = 1 }
epochs = 1
[[stage]]
stage = "distill"
methods = [{ name = "mine:Mine", weight = 2 }, { name = "soft-targets" }]
temperature = 20.0
temperature_end = 1.0
temperature_schedule = "cosine"
"""


def test_a_method_of_the_user_s_own_has_its_layers_recorded_with_the_teacher(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    (tmp_path / "recipe.toml").write_text(RECIPE)
    with factories_in(tmp_path):
        steps = {step.name: step for step in chain(read_recipe(tmp_path / "recipe.toml")).steps}
        assert [path.name for path in steps["distill"].stage.sources()] == ["mine.py"]
    assert vars(steps["teacher outputs"].stage)["taps"] == ("features.1",)
    assert steps["distill"].inputs == {"data": "data", "teacher": "teacher outputs"}


@pytest.mark.parametrize("name", ["scratch", "assistant", "assistant (seed 7) of mine"])
def test_what_students_are_heard_for_is_recorded_of_every_seed(name: str, tmp_path: Path) -> None:
    first = "" if name == "scratch" else f'[[stage]]\nstage = "distill"\nname = "{name}"\n'
    taught = f'[[stage]]\nstage = "distill"\nname = "taught"\nteacher = "{name}"\nmethods = [{{ name = "hint" }}]\n'
    (tmp_path / "recipe.toml").write_text(RECIPE.partition("[[stage]]")[0] + first + taught)
    steps = {step.name: step for step in chain(read_recipe(tmp_path / "recipe.toml")).steps}
    for seed in ("", " (seed 1)"):
        assert steps[f"taught{seed}"].inputs["teacher"] == f"{name}{seed} outputs"
        assert vars(steps[f"{name}{seed} outputs"].stage)["taps"] == ("features",)


def test_without_its_teacher_a_student_hears_nobody(digits: DataSet, tmp_path: Path, untrained: Checkpoint) -> None:
    write_outputs(net_teacher(untrained, digits), digits, VIEWS, 1, tmp_path)
    how, training = Guiding(), Training(views=2, shift=1)
    assert len(guidance([tmp_path], digits, training, how).teachers) == 1
    assert guidance([], digits, training, how).teachers == []
    moved = dataclasses.replace(training, shift=2)
    with pytest.raises(BadInput, match="the student sees shift 2; give teacher and student the same augmentation"):
        guidance([tmp_path], digits, moved, how)
