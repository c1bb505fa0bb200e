"""Inputs made from a teacher alone: noise that it becomes sure of, of which a student learns without any data."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from edgestill.benchmarks.tuning.trial import leading_to
from edgestill.pipeline.artifact import Artifact
from edgestill.pipeline.chain import Step, chain
from edgestill.pipeline.data.check import check
from edgestill.pipeline.data.dataset import DataSet
from edgestill.pipeline.distillation.inversion import (
    check_invertible,
    inverted,
    listening_norms,
    off_statistics,
    total_variation,
)
from edgestill.pipeline.distillation.inverting import Inverting
from edgestill.pipeline.errors import BadInput, BadRecipe
from edgestill.pipeline.models.catalog import build
from edgestill.pipeline.models.checkpoint import About, Checkpoint
from edgestill.pipeline.own_code import factories_in
from edgestill.pipeline.preprocess import Preprocess
from edgestill.pipeline.recipe import read_recipe
from edgestill.pipeline.run import run
from edgestill.pipeline.store import Made, Store
from edgestill.pipeline.task import Task

torch.set_num_threads(1)
RECIPE = Path(__file__).parent / "cases" / "data_free.toml"
BYTES = Preprocess((8, 8, 1), "uint8", 255.0, (0.3,), (0.4,))
CLASSES = Task("classify", ("a", "b", "c"))
FEW = Inverting(count=30, steps=8, at_once=16)


def teacher(preprocess: Preprocess = BYTES, model: str = "ds-cnn", task: Task = CLASSES) -> Checkpoint:
    """An untrained net that has met some noise, so that its batch norms know something."""
    torch.manual_seed(0)
    net = build(model, preprocess.shape, task.outputs(preprocess.shape), {"width": 8})
    if len(preprocess.shape) == 3:
        height, width, channels = preprocess.shape
        with torch.no_grad():
            for _ in range(40):
                net.train()(torch.rand(64, channels, height, width))
            net.get_parameter("head.dense.weight").mul_(30)  # sure of itself
    return Checkpoint(net.eval(), About(model, {"width": 8}, task, preprocess, 0))


@pytest.fixture(scope="module")
def made() -> DataSet:
    return inverted(teacher(), FEW, "of the teacher")


def test_what_is_made_is_a_data_set_of_real_bytes_with_every_class_in_its_share(made: DataSet) -> None:
    check(made)
    assert made.train.x.shape == (30, 8, 8, 1) and made.train.x.dtype == np.uint8
    assert np.bincount(made.train.y).tolist() == [10, 10, 10]
    assert len(made.validation) == len(made.test) == 3 and len(np.unique(made.train.x, axis=0)) == 30


def test_the_same_draw_makes_the_same_inputs_another_draw_others(made: DataSet) -> None:
    again, other = (inverted(teacher(), dataclasses.replace(FEW, draw=draw), "") for draw in (0, 1))
    assert np.array_equal(made.train.x, again.train.x) and not np.array_equal(made.train.x, other.train.x)


def test_the_steps_make_the_teacher_surer_and_bring_its_layers_nearer_to_what_they_know() -> None:
    net = teacher().net

    def judged(steps: int) -> tuple[float, float]:
        whole = inverted(teacher(), Inverting(count=60, steps=steps, at_once=66), "").train
        fed = torch.from_numpy(BYTES.apply(whole.x).transpose(0, 3, 1, 2).copy())
        with torch.no_grad(), listening_norms(net) as met:
            loss = nn.functional.cross_entropy(net(fed), torch.from_numpy(whole.y))
            return float(loss), float(off_statistics(met))

    noise, changed = judged(0), judged(30)
    assert changed[0] < noise[0] and changed[1] < noise[1]


def test_the_teacher_stays_as_it_was() -> None:
    one = teacher()
    before = {name: values.clone() for name, values in one.net.state_dict().items()}
    inverted(one, FEW, "")
    assert all(torch.equal(before[name], values) for name, values in one.net.state_dict().items())
    assert not any(layer._forward_pre_hooks for layer in one.net.modules())


def test_a_batch_with_just_the_running_statistics_is_not_off_and_has_no_gradient() -> None:
    norm = nn.BatchNorm2d(3)
    x = torch.randn(16, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    variance, mean = torch.var_mean(x.detach(), (0, 2, 3), correction=0)
    norm.running_mean, norm.running_var = mean, variance
    found = off_statistics({norm: x})
    found.backward()  # type: ignore[no-untyped-call]
    assert found.item() < 1e-12 and x.grad is not None and torch.isfinite(x.grad).all()


def test_being_off_is_the_length_of_both_differences_and_its_gradient_is_right() -> None:
    norm = nn.BatchNorm1d(2)  # knows mean 0 and variance 1
    x = torch.tensor([[3.0, 4.0], [3.0, 4.0]], dtype=torch.float64, requires_grad=True)
    assert off_statistics({norm: x}).item() == pytest.approx(5.0 + 2.0**0.5)
    assert torch.autograd.gradcheck(
        lambda given: off_statistics({norm: given}), torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    )


def test_an_even_image_varies_nowhere() -> None:
    assert total_variation(torch.ones(2, 1, 4, 4)) == 0
    assert total_variation(torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]])) == 1


def test_a_series_of_bytes_has_neighbours_on_one_side_alone() -> None:
    series = Preprocess((1, 16, 3), "uint8", 255.0, (0.3,), (0.4,))
    assert total_variation(torch.tensor([[[[0.0, 1.0]]]])) == 1 and total_variation(torch.ones(2, 3, 1, 1)) == 0
    made = inverted(teacher(series), FEW, "of the teacher")
    check(made)
    assert len(np.unique(made.train.x, axis=0)) == 30


def test_features_that_are_no_image_stay_within_the_limit_and_keep_their_type() -> None:
    features = Preprocess((10, 4, 1), "float32", 1.0, (1.0, 2.0, 3.0, 4.0), (0.5, 1.0, 2.0, 4.0))
    found = inverted(teacher(features), dataclasses.replace(FEW, limit=2.0), "").train.x
    assert found.dtype == np.float32 and np.abs(features.apply(found)).max() <= 2.0001


def test_what_cannot_be_inverted_says_what_to_do() -> None:
    with pytest.raises(BadInput, match="no batch norm, so nothing in it tells .* write statistics = 0"):
        check_invertible(dataclasses.replace(teacher(), net=nn.Flatten()), FEW)
    check_invertible(dataclasses.replace(teacher(), net=nn.Flatten()), Inverting(statistics=0))
    values = Task("regress", ("heat",), "K")
    with pytest.raises(BadInput, match="made for classes, but the teacher is there to regress"):
        check_invertible(teacher(task=values), FEW)
    with pytest.raises(BadInput, match="count is 2, but there are 3 classes"):
        inverted(teacher(), Inverting(count=2), "")
    with pytest.raises(ValueError, match="steps is -1; it must be at least 0"):
        Inverting(steps=-1)
    with pytest.raises(ValueError, match="rate is 10000.0; it must be at most 1000"):
        Inverting(rate=1e4)
    with pytest.raises(ValueError, match=r"statistics is 1e\+30; it must be at most 1000000"):
        Inverting(statistics=1e30)


def test_inputs_whose_loss_is_no_number_are_not_learned_from() -> None:
    broken = teacher()
    with torch.no_grad():
        next(iter(broken.net.parameters())).fill_(float("nan"))
    with pytest.raises(BadInput, match="the loss is nan while inputs are made; lower rate"):
        inverted(broken, FEW, "")


def test_a_teacher_that_reads_token_ids_is_refused_before_it_is_trained(tmp_path: Path) -> None:
    recipe = tmp_path / "tokens.toml"
    recipe.write_text(
        '[data]\nname = "spam"\n[teacher]\nmodel = "transformer"\n[student]\nmodel = "text-cnn"\n'
        '[[stage]]\nstage = "invert"\n'
    )
    with pytest.raises(BadRecipe, match=r"stage 1 \(invert\): model 'transformer' reads token ids: .* unlabelled"):
        chain(read_recipe(recipe))


def test_without_a_teacher_there_is_nothing_to_invert(tmp_path: Path) -> None:
    recipe = tmp_path / "alone.toml"
    recipe.write_text('[data]\nname = "digits"\n[student]\nmodel = "ds-cnn"\n[[stage]]\nstage = "invert"\n')
    with pytest.raises(BadRecipe, match=r"it takes checkpoint as teacher; the table \[teacher\] is missing"):
        chain(read_recipe(recipe))


def test_nothing_that_the_student_or_its_integers_come_from_is_data_but_the_teacher() -> None:
    steps = {step.name: step for step in chain(read_recipe(RECIPE)).steps}
    for end in ("distill", "quantize", "distill (seed 1)", "quantize (seed 1)"):
        found, waiting = set[str](), [end]
        while waiting:
            name = waiting.pop()
            found.add(name)
            waiting += [] if name == "teacher" else steps[name].inputs.values()
        assert "teacher" in found and not found & {"data", "rehearsal", "scratch", "teacher outputs"}


def steps_of(recipe: Path) -> dict[str, Artifact]:
    """What leads to the student's integers, made in a store beside the recipe."""
    steps = leading_to(chain(read_recipe(recipe)).steps, ["quantize"])
    with factories_in(recipe.parent):
        return dict(run(steps, Store(recipe.parent / recipe.stem), Silent()))


class Silent:
    """Follows a run and says nothing."""

    def begin(self, step: Step) -> None:
        pass

    def end(self, step: Step, made: Made) -> None:
        pass


def test_other_training_data_behind_the_same_teacher_give_the_same_student_and_integers(tmp_path: Path) -> None:
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text(RECIPE.read_text())
    one = steps_of(first)
    shutil.copyfile(one["teacher"].path, tmp_path / "teacher.safetensors")
    other = first.read_text().replace('name = "digits"', 'name = "digits"\ntrain = 400\nlabelled = 300')
    start, end = other.index("[teacher]"), other.index("[student]")
    second.write_text(other[:start] + '[teacher]\ncheckpoint = "teacher.safetensors"\n\n' + other[end:])
    two = steps_of(second)
    assert one["data"] != two["data"]
    assert all(one[name].sha256 == two[name].sha256 for name in ("invert", "distill", "quantize"))


def test_a_recipe_without_data_for_its_student_leaves_int8_files_and_makes_the_inputs_once(
    edgestill: Callable[..., Any], tmp_path: Path
) -> None:
    store, out = tmp_path / "store", tmp_path / "out"
    ended = edgestill(["run", str(RECIPE), "--out", str(out)], store)
    assert ended.returncode == 0, ended.stderr
    assert (out / "model.int8.tflite").is_file() and (out / "model.int8.onnx").is_file()
    lineages = [json.loads(file.read_text())["lineage"] for file in store.glob("entries/*/*/entry.json")]
    assert [lineage["stage"] for lineage in lineages].count("invert") == 1  # two seeds of the student share them
