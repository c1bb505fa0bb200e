"""Several teachers speak as one, students become teachers, parts of a loss balance, and weights are handed down."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from edgestill.pipeline.chain import Chain, chain
from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.distillation.answers import Answers
from edgestill.pipeline.distillation.balance import EqualPull, Uncertainty, balance
from edgestill.pipeline.distillation.batches import batches
from edgestill.pipeline.distillation.guidance import combined
from edgestill.pipeline.distillation.guiding import Balance, Combine
from edgestill.pipeline.distillation.initial import from_teacher, take_channels
from edgestill.pipeline.distillation.options import Training
from edgestill.pipeline.distillation.taps import output_layer
from edgestill.pipeline.errors import BadInput, BadModel, BadRecipe
from edgestill.pipeline.models.catalog import build
from edgestill.pipeline.models.channels import example_of, keep_strongest
from edgestill.pipeline.models.checkpoint import About, Checkpoint, load_checkpoint
from edgestill.pipeline.preprocess import Preprocess
from edgestill.pipeline.recipe import read_recipe
from edgestill.pipeline.task import Task
from edgestill.tests.ran_recipe import ran

torch.set_num_threads(1)
FOUR = Task("classify", tuple("abcd"))
HOW = get_args(Combine)
TEMPERATURES = st.floats(0.5, 20)


def said(seed: int, teachers: int = 3) -> tuple[list[Answers], torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    outputs = 3 * torch.randn(teachers, 5, 4, generator=random)
    return [Answers(each) for each in outputs], torch.randint(0, 4, (5,), generator=random)


def one(how: Combine, answers: Sequence[Answers], y: torch.Tensor, temperature: float, draw: float = 0.0) -> Answers:
    found = combined(how, answers, y, FOUR, temperature, draw)
    assert found is not None
    return found


@given(st.sampled_from(HOW), st.integers(0, 99), TEMPERATURES, st.floats(0, 1, exclude_max=True), st.integers(1, 4))
def test_teachers_who_agree_say_together_what_each_says(
    how: Combine, seed: int, temperature: float, draw: float, teachers: int
) -> None:
    [answers], y = said(seed, 1)
    found = one(how, [answers] * teachers, y, temperature, draw)
    shares, expected = (torch.softmax(each.outputs / temperature, dim=1) for each in (found, answers))
    assert torch.allclose(shares, expected, atol=1e-5)


@given(st.integers(0, 99), TEMPERATURES)
def test_the_mean_is_that_of_what_teachers_hold_probable(seed: int, temperature: float) -> None:
    answers, y = said(seed)
    found = one("mean", answers, y, temperature)
    expected = torch.stack([torch.softmax(each.outputs / temperature, 1) for each in answers]).mean(0)
    assert torch.allclose(torch.softmax(found.outputs / temperature, 1), expected, atol=1e-5)


@given(st.integers(0, 99), st.sampled_from(["mean", "confidence"]))
def test_the_order_of_teachers_makes_no_difference(seed: int, how: Combine) -> None:
    answers, y = said(seed)
    assert torch.allclose(one(how, answers, y, 2.0).outputs, one(how, answers[::-1], y, 2.0).outputs, atol=1e-4)


@given(st.integers(0, 99), st.integers(0, 3))
def test_confidence_listens_more_to_whoever_is_right(seed: int, label: int) -> None:
    right = 4.0 * functional.one_hot(torch.tensor([label]), 4)
    wrong = right.roll(1, dims=1)
    y = torch.tensor([label])
    shares = [
        torch.softmax(one(how, [Answers(wrong), Answers(right)], y, 1.0).outputs, 1)[0, label]
        for how in ("mean", "confidence")
    ]
    assert shares[1] > 0.9 > shares[0]


def test_a_sample_without_a_label_hears_all_teachers_alike() -> None:
    answers, _ = said(0)
    unknown = torch.full((5,), -1)
    assert torch.allclose(
        one("confidence", answers, unknown, 2.0).outputs, one("mean", answers, unknown, 2.0).outputs, atol=1e-5
    )


@given(st.integers(0, 99))
def test_the_best_is_whoever_errs_least_on_the_batch(seed: int) -> None:
    answers, y = said(seed)
    errors = [float(functional.cross_entropy(each.outputs, y)) for each in answers]
    assert torch.equal(one("best", answers, y, 2.0).outputs, answers[int(np.argmin(errors))].outputs)


def test_random_picks_one_teacher_a_batch_by_the_seed_alone() -> None:
    digits = read_data("digits", seed=0)
    answers, y = said(0)
    picked = []
    for seed in (0, 0, 1):
        training = Training(epochs=2, views=1, batch=32, seed=seed)
        picks = [one("random", answers, y, 2.0, batch.draw).outputs for batch in batches(digits, training, None)]
        picked.append([[torch.equal(pick, each.outputs) for each in answers].index(True) for pick in picks])
    assert picked[0] == picked[1] != picked[2]
    assert set(picked[0]) == {0, 1, 2}


def test_reals_are_averaged_as_they_are() -> None:
    answers, _ = said(3)
    y = torch.zeros(5, 4)
    found = combined("mean", answers, y, Task("regress", tuple("abcd"), "m"), 7.0, 0.0)
    assert found is not None and torch.allclose(found.outputs, torch.stack([each.outputs for each in answers]).mean(0))


@given(st.lists(st.floats(0.01, 50), min_size=1, max_size=4))
def test_a_learned_variance_is_best_at_the_size_of_its_part(sizes: list[float]) -> None:
    uncertainty = Uncertainty(len(sizes))
    parts = [torch.tensor(size) for size in sizes]
    with torch.no_grad():
        uncertainty.log_variances.copy_(torch.tensor([math.log(size) for size in sizes]))
    loss = uncertainty(parts, Answers(torch.zeros(1, 1)))
    loss.backward()
    assert uncertainty.log_variances.grad is not None
    assert torch.allclose(uncertainty.log_variances.grad, torch.zeros(len(sizes)), atol=1e-4)
    for sign in (-0.1, 0.1):
        with torch.no_grad():
            uncertainty.log_variances.add_(sign)
            assert uncertainty(parts, Answers(torch.zeros(1, 1))) > loss
            uncertainty.log_variances.sub_(sign)


def pulls(parts: Sequence[torch.Tensor], at: torch.Tensor) -> list[torch.Tensor]:
    return [torch.autograd.grad(part, at, retain_graph=True)[0] for part in parts]


@given(st.integers(0, 99), st.floats(0.01, 100), st.floats(0.01, 100))
def test_equal_pull_makes_all_parts_pull_alike_whatever_their_shares(seed: int, first: float, second: float) -> None:
    random = torch.Generator().manual_seed(seed)
    outputs = torch.randn(5, 4, generator=random, requires_grad=True)
    targets = torch.randn(2, 5, 4, generator=random)
    parts = [first * functional.mse_loss(outputs, targets[0]), second * functional.l1_loss(outputs, targets[1])]
    found = torch.autograd.grad(EqualPull()(parts, Answers(outputs)), outputs, retain_graph=True)[0]
    directions = [pull / pull.norm() for pull in pulls(parts, outputs)]
    mean = (pulls(parts, outputs)[0].norm() + pulls(parts, outputs)[1].norm()) / 2
    assert torch.allclose(found, mean * (directions[0] + directions[1]), rtol=1e-3, atol=1e-5)


def test_a_part_that_meets_a_heard_layer_alone_pulls_as_the_others_do() -> None:
    layer, x = nn.Linear(3, 4), torch.randn(5, 3)
    embedding = x.clone().requires_grad_() * 1.0
    outputs = layer(embedding)
    heard = Answers(outputs, {"embedding": embedding})
    parts = [outputs.square().mean(), 1000 * (embedding - 1).abs().mean()]
    lengths = []
    for part in parts:
        found = torch.autograd.grad(part, (outputs, embedding), retain_graph=True, allow_unused=True)
        lengths.append(torch.sqrt(sum((each.square().sum() for each in found if each is not None), torch.zeros(()))))
    expected = sum((torch.stack(lengths).mean() / length * part for length, part in zip(lengths, parts, strict=True)))
    assert torch.isclose(EqualPull()(parts, heard), torch.as_tensor(expected), rtol=1e-4)


def test_a_part_that_meets_nothing_of_the_student_stays_as_it_is() -> None:
    outputs, beside = torch.randn(5, 4, requires_grad=True), torch.tensor(3.0, requires_grad=True)
    EqualPull()([outputs.square().mean(), 7 * beside], Answers(outputs)).backward()
    assert beside.grad == 7
    EqualPull()([7 * beside], Answers(outputs)).backward()
    assert beside.grad == 14


@pytest.mark.parametrize("name", get_args(Balance))
def test_every_balance_of_a_recipe_is_a_sum_of_its_parts_at_first(name: Balance) -> None:
    outputs = torch.ones(2, 2, requires_grad=True)
    parts = [outputs.square().mean(), outputs.square().mean()]
    assert balance(name, 2)(parts, Answers(outputs)).item() == pytest.approx(2.0)


HEAD = """
exports = []
seeds = 2
[data]
name = "digits"
[training]
views = 1
[student]
model = "ds-cnn"
options = { width = 8, depth = 1 }
epochs = 1
"""
TEACHERS = """
[[teacher]]
model = "ds-cnn"
options = { width = 16, depth = 1 }
epochs = 1
[[teacher]]
model = "residual"
options = { widths = [8, 16] }
epochs = 1
"""


def steps_of(text: str, folder: Path) -> Chain:
    (folder / "recipe.toml").write_text(text)
    return chain(read_recipe(folder / "recipe.toml"))


def test_a_student_is_born_again_from_the_student_of_its_own_seed(tmp_path: Path) -> None:
    text = (
        HEAD
        + '[[stage]]\nstage = "distill"\nname = "born again"\nteacher = "scratch"\n'
        + '[[stage]]\nstage = "distill"\nname = "third"\nteacher = "born again"\n'
        + 'methods = [{ name = "soft-targets" }, { name = "hidden-states", '
        + 'student = ["features"], teacher = ["features.1"] }]\n'
    )
    steps = {step.name: step for step in steps_of(text, tmp_path).steps}
    for suffix in ("", " (seed 1)"):
        assert steps["born again" + suffix].inputs["teacher"] == f"scratch{suffix} outputs"
        assert steps["third" + suffix].inputs["teacher"] == f"born again{suffix} outputs"
        assert steps[f"born again{suffix} outputs"].inputs["source"] == "born again" + suffix
        assert vars(steps[f"born again{suffix} outputs"].stage)["taps"] == ("features.1",)
        assert vars(steps[f"scratch{suffix} outputs"].stage)["taps"] == ()


def test_generations_and_an_assistant_train_one_after_the_other(tmp_path: Path) -> None:
    text = (
        HEAD
        + TEACHERS.partition('[[teacher]]\nmodel = "residual"')[0]
        + '[[stage]]\nstage = "distill"\nname = "assistant"\nmodel = "ds-cnn"\n'
        + "options = { width = 12, depth = 1 }\nepochs = 1\n"
        + '[[stage]]\nstage = "distill"\nname = "assisted"\nteacher = "assistant"\n'
        + '[[stage]]\nstage = "distill"\nname = "born again"\nteacher = "assisted"\n'
    )
    made = ran(text, tmp_path, "born again", "born again (seed 1)")
    nets = [load_checkpoint(made[name].path) for name in ("assistant", "assisted", "born again", "born again (seed 1)")]
    widths = [net.about.options["width"] for net in nets]
    assert widths == [12, 8, 8, 8]
    assert made["assisted outputs"].sha256 != made["assisted (seed 1) outputs"].sha256


@pytest.mark.parametrize("how", HOW)
def test_several_teachers_teach_one_student(how: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp() / "several"
    folder.mkdir(exist_ok=True)  # one store for all: the teachers are trained once
    text = HEAD + TEACHERS + f'[[stage]]\nstage = "distill"\nname = "{how}"\ncombine = "{how}"\n'
    made = ran(text, folder, how, "scratch")
    assert {"teacher outputs", "teacher 2 outputs"} <= made.keys()
    assert (
        load_checkpoint(made[how].path).net.state_dict().keys()
        == load_checkpoint(made["scratch"].path).net.state_dict().keys()
    )


SHAPE = (8, 8, 1)


def teacher_of(model: str, **options: Any) -> Checkpoint:
    torch.manual_seed(1)
    net = build(model, SHAPE, 10, options)
    net(torch.randn(16, 1, 8, 8))
    about = About(model, options, Task("classify", tuple("0123456789")), Preprocess(SHAPE), 0)
    return Checkpoint(net.eval(), about)


@pytest.mark.parametrize(
    ("model", "wide", "narrow"),
    [
        ("ds-cnn", {"width": 16, "depth": 2}, {"width": 6, "depth": 2}),
        ("residual", {"widths": (8, 16)}, {"widths": (4, 12)}),
        ("mobilenet-v2", {"widths": (8, 12, 16)}, {"widths": (4, 8, 12)}),
    ],
)
def test_a_narrow_student_begins_as_its_teacher_pruned_to_its_widths(model: str, wide: Any, narrow: Any) -> None:
    teacher, student = teacher_of(model, **wide), build(model, SHAPE, 10, narrow)
    before = {name: values.clone() for name, values in teacher.net.state_dict().items()}
    from_teacher("channels", teacher)(student)
    assert all(torch.equal(values, before[name]) for name, values in teacher.net.state_dict().items())
    layers = dict(student.named_modules())
    example = example_of(SHAPE)
    spared = [output_layer(teacher.net, example)]
    keep_strongest(teacher.net, example, spared, lambda path, _: len(layers[path].weight))
    x = torch.randn(4, 1, 8, 8)
    assert torch.allclose(student.eval()(x), teacher.net(x))


def test_the_channels_that_are_handed_down_are_the_strongest() -> None:
    teacher, student = teacher_of("ds-cnn", width=8, depth=1), build("ds-cnn", SHAPE, 10, {"width": 4, "depth": 1})
    stem = teacher.net.get_parameter("features.0.conv.weight")
    with torch.no_grad():
        stem[::2] *= 100
    take_channels(student, teacher)
    assert torch.equal(student.get_parameter("features.0.conv.weight"), stem[::2])


MISFITS: list[tuple[str, dict[str, Any], str]] = [
    ("ds-cnn", {"width": 8, "depth": 1}, r"layer features\.2\.\w+\.conv has no counterpart in the student"),
    ("ds-cnn", {"width": 32, "depth": 2}, "of the student has 32 channels, the teacher's 16"),
    ("ds-cnn", {"width": 8, "depth": 3}, "the teacher's channels do not fit the student"),
    ("resnet8", {}, "has no counterpart in the student; .channels. wants the same net with smaller widths"),
]


@pytest.mark.parametrize(("model", "options", "message"), MISFITS)
def test_a_student_of_another_shape_gets_no_channels_and_is_told_why(model: str, options: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        take_channels(build(model, SHAPE, 10, options), teacher_of("ds-cnn", width=16, depth=2))


def test_a_net_of_tables_has_no_channels_to_hand_down() -> None:
    about = About("text-cnn", {}, Task("classify", ("a", "b")), Preprocess((6,), "int32"), 0)
    teacher = Checkpoint(build("text-cnn", (6,), 2, {}), about)
    with pytest.raises(BadModel, match="initial: layer table is of a kind that channels are not removed around"):
        take_channels(build("text-cnn", (6,), 2, {"width": 4}), teacher)


NARROWED = '[[stage]]\nstage = "distill"\ninitial = "channels"\n'


def test_a_recipe_hands_the_teacher_s_channels_down(tmp_path: Path) -> None:
    teacher = TEACHERS.partition('[[teacher]]\nmodel = "residual"')[0]
    text = HEAD + teacher + NARROWED
    made = ran(text, tmp_path, "distill")
    inputs = {step.name: step.inputs for step in steps_of(text, tmp_path).steps}
    assert inputs["distill"]["weights"] == inputs["distill (seed 1)"]["weights"] == "teacher"
    assert load_checkpoint(made["distill"].path).about.options["width"] == 8


WRONG = [
    (NARROWED + 'methods = [{ name = "mutual" }]\n', r"takes checkpoint as weights; the table \[teacher\] is missing"),
    ('[[stage]]\nstage = "distill"\nteacher = "scratch"\nweights = "scratch"\n', "initial does not say what to take"),
    (NARROWED.replace("channels", "layers"), "'layers' is not a choice; there are"),
]


@pytest.mark.parametrize(("stage", "message"), WRONG)
def test_first_weights_that_nobody_has_are_refused_before_any_work(stage: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match=message):
        steps_of(HEAD + stage, tmp_path)
