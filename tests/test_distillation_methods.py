"""Every way of teaching is at its least where both agree, has the gradient it should have, and is learned."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file
from torch import nn
from torch.autograd.gradcheck import gradcheck
from torch.nn import functional

from edgestill.pipeline.artifact import digest
from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.distillation.answers import Answers
from edgestill.pipeline.distillation.guidance import Guidance, Recorded
from edgestill.pipeline.distillation.guiding import Guiding
from edgestill.pipeline.distillation.method import Lesson, Method
from edgestill.pipeline.distillation.methods.catalog import FOR_CLASSES, NAMES, WITHOUT_TEACHER, chosen, known, method
from edgestill.pipeline.distillation.methods.contrastive import Contrastive
from edgestill.pipeline.distillation.methods.factor_transfer import FactorTransfer
from edgestill.pipeline.distillation.methods.variational import Variational
from edgestill.pipeline.distillation.options import Training
from edgestill.pipeline.distillation.taps import tapped
from edgestill.pipeline.distillation.train import heard, trained
from edgestill.pipeline.distillation.views import view
from edgestill.pipeline.errors import BadRecipe
from edgestill.pipeline.models.catalog import build
from edgestill.pipeline.models.checkpoint import save_checkpoint
from edgestill.pipeline.recipe import read_recipe
from edgestill.pipeline.task import Task
from edgestill.tests.ran_recipe import ran

torch.set_num_threads(1)
SAMPLES, CLASSES = 5, 4
CLASSIFY = Task("classify", tuple("abcd"))
REGRESS = Task("regress", tuple("abcd"))
NOT_TO_ZERO = {
    "hard-labels": "the entropy of the student stays",
    "vid": "the logarithm of the variances stays, and the means are learned",
    "factor-transfer": "the translator is learned",
    "crd": "other samples are like this one too",
}
REVERSED = ("adversarial", "adversarial-features")  # what a student feels of a critic is turned round, on purpose
NOT_FALLING = {
    **dict.fromkeys(REVERSED, "two learn against each other"),
    "mean-teacher": "it begins at its least",
    "mutual": "peers that learn the task part before they agree",
}
TRANSFORMER = ("hidden-states", "embeddings", "attention-maps", "minilm")
HEARD = [name for name in NAMES if known(name).get("teacher") and name not in TRANSFORMER]  # whatever the samples are
SHAPES = {  # (student's, teacher's) a sample, by where a method listens unless it is told
    "features": ((3, 4, 4), (4, 2, 2)),
    "embedding": ((3,), (6,)),
    "table": ((3, 4), (3, 6)),
    "block": ((3, 4), (3, 6)),
    "share": ((2, 3, 3), (4, 3, 3)),
}


def shapes(path: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if path.startswith("blocks."):
        return SHAPES["share" if path.endswith("share") else "block"]
    return SHAPES[path]


def paths(name: str, side: str) -> tuple[str, ...]:
    return tuple(known(name).get(side) or ())


def features(shape: tuple[int, ...], path: str, random: torch.Generator) -> torch.Tensor:
    values = torch.randn(SAMPLES, *shape, generator=random, dtype=torch.float64)
    return values.softmax(dim=-1) if path.endswith("share") else values


def lesson_of(name: str, seed: int = 0, alike: bool = False) -> Lesson:
    """Random answers of both sides in float64, or the same of both, where this method listens."""
    random = torch.Generator().manual_seed(seed)
    own = {path: features(shapes(path)[0], path, random) for path in paths(name, "student")}
    theirs = {path: features(shapes(path)[1], path, random) for path in paths(name, "teacher")}
    outputs = [torch.randn(SAMPLES, CLASSES, generator=random, dtype=torch.float64) for _ in range(2)]
    student = Answers(outputs[0], own)
    teacher = student if alike else Answers(outputs[1], theirs)
    x = torch.randn(SAMPLES, 1, 8, 8, generator=random, dtype=torch.float64)
    y = torch.randint(0, CLASSES, (SAMPLES,), generator=random)
    return Lesson(CLASSIFY, x, y, torch.arange(SAMPLES), student, teacher, temperature=3.0, progress=0.5)


def small_net() -> nn.Module:
    torch.manual_seed(1)
    return build("ds-cnn", (8, 8, 1), CLASSES, {"width": 4, "depth": 1}).double()


def prepared(name: str, lesson: Lesson, **options: Any) -> Method:
    """The method, ready for lessons like this one, in float64."""
    torch.manual_seed(2)
    found = method(chosen({"name": name, **options}))
    said: dict[str, Any] = {side: getattr(lesson, side).each(torch.Tensor.float) for side in ("student", "teacher")}
    found.prepare(small_net(), dataclasses.replace(lesson, **said), samples=20)
    return found.double()


def of_student(lesson: Lesson, outputs: torch.Tensor, *values: torch.Tensor) -> Lesson:
    """The lesson with these answers of the student in place of its own."""
    return dataclasses.replace(
        lesson, student=Answers(outputs, dict(zip(lesson.student.features, values, strict=True)))
    )


def answers(lesson: Lesson) -> list[torch.Tensor]:
    return [lesson.student.outputs, *lesson.student.features.values()]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in (*WITHOUT_TEACHER, *NOT_TO_ZERO)])
def test_a_student_that_is_its_teacher_has_nothing_to_learn(name: str) -> None:
    alike = lesson_of(name, alike=True)
    assert abs(prepared(name, alike)(alike).item()) < 1e-9
    for seed in range(3):
        other = lesson_of(name, seed)
        assert prepared(name, other)(other).item() >= 0


def test_hard_labels_leave_a_sure_student_that_agrees_with_nothing_to_learn() -> None:
    lesson = lesson_of("hard-labels", alike=True)
    sure = dataclasses.replace(lesson, student=Answers(1e5 * lesson.student.outputs))
    found = prepared("hard-labels", lesson)
    assert found(sure).item() < 1e-6 < found(lesson).item()


def test_variational_information_is_at_its_least_where_every_mean_is_right() -> None:
    lesson = lesson_of("vid", alike=True)
    vid = prepared("vid", lesson)
    assert isinstance(vid, Variational)
    vid.means = nn.ModuleList([nn.Identity()])
    least = vid(lesson).item()
    variances = functional.softplus(vid.spreads[0]) + 1e-5
    assert least == pytest.approx(0.5 * variances.log().mean().item()) and variances[0].item() == pytest.approx(5, 1e-4)
    outputs, maps = answers(lesson)
    assert vid(of_student(lesson, outputs, maps + 0.01)).item() > least


def test_factors_agree_where_the_student_says_them_as_its_teacher_does() -> None:
    lesson = lesson_of("factor-transfer", alike=True)
    found = prepared("factor-transfer", lesson)
    assert isinstance(found, FactorTransfer) and found(lesson).item() > 0
    found.translators.load_state_dict(found.paraphrasers.state_dict())
    assert found(lesson).item() < 1e-12


def test_a_teacher_is_paraphrased_before_the_student_hears_and_left_alone_afterwards() -> None:
    lesson = lesson_of("factor-transfer")
    found = prepared("factor-transfer", lesson)
    assert isinstance(found, FactorTransfer)
    for progress, learning, resting in (
        (0.05, found.paraphrasers, found.translators),
        (0.5, found.translators, found.paraphrasers),
    ):
        found.zero_grad()
        loss = found(dataclasses.replace(lesson, progress=progress))
        loss.backward()
        assert (loss.item() == 0) == (learning is found.paraphrasers)
        assert all(values.grad is not None for values in learning.parameters())
        assert all(values.grad is None for values in resting.parameters())


def test_a_contrast_is_less_where_samples_meet_their_own() -> None:
    lesson = lesson_of("crd", alike=True)
    crd = prepared("crd", lesson)
    assert isinstance(crd, Contrastive)
    crd.connectors[1].load_state_dict(crd.connectors[0].state_dict())
    crossed = dataclasses.replace(lesson, teacher=lesson.taught.each(lambda values: values.roll(1, 0)))
    losses = []
    for taught in (lesson, crossed):
        torch.manual_seed(0)
        losses.append(crd(taught).item())
    assert 0 < losses[0] < losses[1]


def test_what_was_heard_of_a_sample_is_remembered_in_part_and_its_class_too() -> None:
    lesson = lesson_of("crd")
    crd = prepared("crd", lesson, momentum=0.25)
    assert isinstance(crd, Contrastive)
    before = crd.memories.clone()
    crd(lesson)
    assert torch.equal(crd.memories, before)  # a loss that is asked twice is the same
    crd.after_step(small_net())
    found = [
        functional.normalize(side(values), dim=1)
        for side, values in zip(crd.connectors, crd.heard(lesson)[0], strict=True)
    ]
    expected = functional.normalize(0.25 * before[:, :SAMPLES] + 0.75 * torch.stack(found), dim=2)
    assert torch.allclose(crd.memories[:, :SAMPLES], expected)
    assert torch.equal(crd.memories[:, SAMPLES:], before[:, SAMPLES:])
    assert crd.labels.tolist() == [*lesson.y.tolist(), *[-1] * 15]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in REVERSED])
def test_the_gradient_that_a_student_feels_is_the_loss_s_own(name: str) -> None:
    lesson = lesson_of(name)
    found = prepared(name, lesson)
    leaves = [values.clone().requires_grad_() for values in answers(lesson)]
    leaves[0].requires_grad_(name != "deep-supervision")  # there the student's own end is not taught

    def loss(*values: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(3)
        said: torch.Tensor = found(of_student(lesson, *values))
        return said

    assert gradcheck(loss, leaves, fast_mode=True)


@pytest.mark.parametrize("side", ["student", "teacher"])
@pytest.mark.parametrize("value", [0.0, 1.0, 1e-20])
@pytest.mark.parametrize("name", NAMES)
def test_silent_and_equal_layers_give_no_nan_and_no_gradient_out_of_all_proportion(
    name: str, value: float, side: str
) -> None:
    lesson = lesson_of(name)
    found = prepared(name, lesson)
    constant: dict[str, Any] = {side: getattr(lesson, side).each(lambda values: torch.full_like(values, value))}
    lesson = dataclasses.replace(lesson, **constant)
    leaves = [values.clone().requires_grad_() for values in answers(lesson)]
    loss = found(of_student(lesson, *leaves))
    loss.backward()
    assert torch.isfinite(loss)
    gradients = [values.grad for values in leaves if values.grad is not None]
    assert gradients and all(torch.isfinite(values).all() and values.abs().max() < 1e3 for values in gradients)


def test_some_silent_samples_do_not_carry_the_others_away() -> None:
    for name in HEARD:
        lesson = lesson_of(name)
        found = prepared(name, lesson)
        leaves = [values.clone() for values in answers(lesson)]
        for values in leaves:
            values[:2] = 0
            values.requires_grad_()
        found(of_student(lesson, *leaves)).backward()
        felt = [values.grad.abs().max().item() for values in leaves if values.grad is not None]
        assert felt and max(felt) < 1e3, name


# Of whatever layers give: images, series along either axis, positions, a vector.
LAID_OUT = [
    ((3, 6, 6), (5, 3, 3)),
    ((3, 3, 5), (5, 6, 4)),
    ((4, 1, 12), (6, 1, 5)),
    ((4, 12, 1), (6, 5, 1)),
    ((7, 4), (7, 6)),
    ((7, 4), (9, 6)),
    ((4, 1, 7), (7, 6)),
    ((5,), (8,)),
    ((3, 4, 4), (8,)),
]


@pytest.mark.parametrize("own, theirs", LAID_OUT)
@pytest.mark.parametrize("name", HEARD)
def test_layers_of_any_layout_and_size_are_matched_or_refused_with_a_reason(
    name: str, own: tuple[int, ...], theirs: tuple[int, ...]
) -> None:
    random = torch.Generator().manual_seed(0)
    (student,), (teacher,) = paths(name, "student"), paths(name, "teacher")
    lesson = dataclasses.replace(
        lesson_of(name),
        student=Answers(torch.randn(SAMPLES, CLASSES).double(), {student: features(own, student, random)}),
        teacher=Answers(torch.randn(SAMPLES, CLASSES).double(), {teacher: features(theirs, teacher, random)}),
    )
    if name == "attention" and 1 in (len(own), len(theirs)):
        with pytest.raises(BadRecipe, match=r"layer 'features' of the student .* one place in common"):
            prepared(name, lesson)
        return
    for task in (CLASSIFY, REGRESS):
        y = lesson.y if task is CLASSIFY else torch.randn(SAMPLES, CLASSES).double()
        found = prepared(name, dataclasses.replace(lesson, task=task, y=y))
        assert torch.isfinite(found(dataclasses.replace(lesson, task=task, y=y)))


@pytest.mark.parametrize("name", ["hint", "vid", "factor-transfer", "attention"])
def test_a_layer_that_is_no_map_is_named(name: str) -> None:
    lesson = lesson_of(name)
    deep = dataclasses.replace(lesson, teacher=Answers(lesson.taught.outputs, {"features": torch.zeros(5, 2, 2, 2, 2)}))
    with pytest.raises(BadRecipe, match=r"layer 'features' of the teacher gives \(2, 2, 2, 2\) a sample; what can be"):
        prepared(name, deep)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": "factor-transfer", "ahead": 1.0}, "ahead is 1.0; it is the part of the training"),
        ({"name": "crd", "momentum": 1.0}, "momentum 1.0; above 0 and below 1"),
        ({"name": "crd", "temperature": 0.0}, "temperature is 0.0"),
        ({"name": "crd", "student": ["a", "b"], "teacher": ["a", "b"]}, "name one layer each"),
    ],
)
def test_an_option_without_a_meaning_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(BadRecipe, match=says):
        method(chosen(options))


def orthogonal(width: int, seed: int) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    found: torch.Tensor = torch.linalg.qr(torch.randn(width, width, generator=random, dtype=torch.float64))[0]
    return found


def changed(lesson: Lesson, side: str, change: Any) -> Lesson:
    """The lesson with what one side's layers give changed."""
    said = getattr(lesson, side)
    features = {path: change(values) for path, values in said.features.items()}
    changes: dict[str, Any] = {side: Answers(said.outputs, features)}
    return dataclasses.replace(lesson, **changes)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.sampled_from(["student", "teacher"]), st.floats(0.1, 10))
def test_relations_do_not_see_that_a_side_is_turned(seed: int, side: str, scale: float) -> None:
    moved = {"rkd-distance": 5.0, "rkd-angle": 5.0, "sp": 0.0, "pkt": 0.0, "cc": 0.0}
    for name, shift in moved.items():
        lesson = lesson_of(name, seed)

        def turned(values: torch.Tensor, shift: float = shift) -> torch.Tensor:
            return scale * values @ orthogonal(values.shape[1], seed) + shift

        found = prepared(name, lesson)
        assert found(lesson).item() > 1e-6
        assert found(changed(lesson, side, turned)).item() == pytest.approx(found(lesson).item(), rel=1e-6), name


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.sampled_from(["pkt", "cc"]))
def test_cosines_do_not_see_how_long_a_sample_is(seed: int, name: str) -> None:
    lesson = lesson_of(name, seed)
    lengths = 0.1 + torch.rand(SAMPLES, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    found = prepared(name, lesson)
    longer = changed(lesson, "teacher", lambda values: lengths * values)
    assert found(longer).item() == pytest.approx(found(lesson).item(), rel=1e-6)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "mean-teacher"])  # whose noise is a sample's own
def test_the_order_of_a_batch_does_not_matter(name: str) -> None:
    lesson, order = lesson_of(name), [3, 0, 4, 1, 2]
    moved = dataclasses.replace(
        lesson,
        x=lesson.x[order],
        y=lesson.y[order],
        rows=lesson.rows[order],
        student=lesson.student.each(lambda values: values[order]),
        teacher=lesson.taught.each(lambda values: values[order]),
    )
    found, losses = prepared(name, lesson), []
    for taught in (lesson, moved):
        torch.manual_seed(0)
        losses.append(found(taught).item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-5, abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.permutations(range(4)))
def test_attention_does_not_see_which_channel_looks(seed: int, order: list[int]) -> None:
    lesson = lesson_of("attention", seed)
    found = prepared("attention", lesson)
    mixed = changed(lesson, "teacher", lambda values: 3 * values[:, order])
    assert found(mixed).item() == pytest.approx(found(lesson).item(), rel=1e-9)


@pytest.mark.parametrize("name", ["hint", "vid", "factor-transfer", "attention"])
def test_a_larger_map_counts_as_its_means(name: str) -> None:
    lesson = lesson_of(name)
    found = prepared(name, lesson)
    larger = changed(lesson, "student", lambda values: values.repeat_interleave(2, 2).repeat_interleave(3, 3))
    assert found(larger).item() == pytest.approx(found(lesson).item(), rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.floats(-20, 20))
def test_responses_do_not_see_what_is_added_to_all_outputs_of_a_sample(seed: int, added: float) -> None:
    for name in ("soft-targets", *FOR_CLASSES):
        lesson = lesson_of(name, seed)
        found = prepared(name, lesson)
        moved = dataclasses.replace(lesson, student=Answers(lesson.student.outputs + added))
        assert found(moved).item() == pytest.approx(found(lesson).item(), rel=1e-6, abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.floats(0.5, 10))
def test_decoupled_parts_make_soft_targets_again(seed: int, temperature: float) -> None:
    lesson = dataclasses.replace(lesson_of("dkd", seed), temperature=temperature)
    probable = (lesson.taught.outputs / temperature).softmax(dim=1)
    total = 0.0
    for row in range(SAMPLES):
        alone = dataclasses.replace(
            lesson,
            y=lesson.y[row : row + 1],
            student=lesson.student.each(lambda values, row=row: values[row : row + 1]),  # type: ignore[misc]
            teacher=lesson.taught.each(lambda values, row=row: values[row : row + 1]),  # type: ignore[misc]
        )
        sure = probable[row, lesson.y[row]].item()
        total += prepared("dkd", alone, beta=1 - sure)(alone).item()
    assert total / SAMPLES == pytest.approx(prepared("soft-targets", lesson)(lesson).item(), rel=1e-6)


def test_where_a_label_is_not_known_the_teacher_s_own_stands_for_it() -> None:
    lesson = lesson_of("dkd")
    found, top = prepared("dkd", lesson), lesson.taught.outputs.argmax(dim=1)
    unknown = dataclasses.replace(lesson, y=torch.full((SAMPLES,), -1))
    assert found(unknown).item() == found(dataclasses.replace(lesson, y=top)).item()
    mixed = dataclasses.replace(lesson, partners=lesson.y.roll(1), share=0.6)
    assert found(mixed).item() == found(unknown).item()
    two = dataclasses.replace(
        lesson,
        y=lesson.y % 2,
        student=lesson.student.each(lambda values: values[:, :2]),
        teacher=lesson.taught.each(lambda values: values[:, :2]),
    )
    soft = prepared("soft-targets", two)(two).item()
    assert found(two).item() == pytest.approx(soft)  # of two classes there is nothing to think of the others


@pytest.fixture(scope="module")
def toys() -> dict[str, tuple[nn.Module, torch.Tensor, torch.Tensor, torch.Tensor]]:
    """A teacher whose layers are recorded, samples, labels: of images and of token ids."""
    digits = read_data("digits", seed=0)
    torch.manual_seed(0)
    images = view(digits, 0, Training())[:64]
    ids = torch.randint(0, 50, (64, 8), dtype=torch.int32)
    wide = build("residual", (8, 8, 1), 10, {"widths": (8, 16)})
    reader = build("transformer", (8,), 10, {"buckets": 50, "width": 24, "dropout": 0.0})
    labels = torch.from_numpy(np.asarray(digits.train.y[:64])).long()
    return {"images": (wide, images, labels, labels), "ids": (reader, ids, labels, labels)}


def student_of(kind: str) -> nn.Module:
    torch.manual_seed(4)
    if kind == "ids":
        return build("transformer", (8,), 10, {"buckets": 50, "width": 8, "dropout": 0.0})
    return build("ds-cnn", (8, 8, 1), 10, {"width": 8, "depth": 1})


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NOT_FALLING])
def test_a_student_learns_it(name: str, toys: dict[str, Any]) -> None:
    kind = "ids" if name in TRANSFORMER else "images"
    teacher, x, y, _ = toys[kind]
    net, found = student_of(kind), method(chosen({"name": name}))
    said, steps, losses = heard(teacher, x, found.teacher), 40, []
    said = said.each(torch.clone)  # what was heard in inference is no part of a training

    with tapped(net, found.student, x[:1]) as listening:

        def lesson(progress: float) -> Lesson:
            task = Task("classify", tuple("0123456789"))
            return Lesson(task, x, y, torch.arange(64), listening(x), said, 4.0, progress)

        found.prepare(net, lesson(0.0), 64)
        stepping = torch.optim.Adam([*net.parameters(), *found.parameters()], 0.01)
        for step in range(steps):
            loss = found(lesson(step / steps))
            stepping.zero_grad()
            loss.backward()
            stepping.step()
            found.after_step(net)
            losses.append(loss.item())
    assert np.mean(losses[-4:]) < 0.97 * np.mean(losses[4:8])


CONNECTED = ("hint", "factor-transfer", "vid", "attention", "crd")
OWN = """
import torch
from edgestill.pipeline.distillation.method import Lesson, Method

class Means(Method):
    def __init__(self, student: tuple[str, ...] = ("features",), teacher: tuple[str, ...] = ("features.1",),
                 power: int = 1):
        super().__init__(student, teacher)
        self.power = power

    def prepare(self, net, lesson, samples):
        self.scale = torch.nn.Parameter(torch.ones(()))

    def forward(self, lesson: Lesson) -> torch.Tensor:
        pairs = self.heard(lesson)
        return sum((self.scale * own.mean() - theirs.mean()).abs() ** self.power for own, theirs in pairs)
"""
RECIPE = """
[data]
name = "digits"
[teacher]
model = "residual"
options = {{ widths = [8, 16] }}
epochs = 1
[student]
model = "ds-cnn"
options = {{ width = 8, depth = 1 }}
epochs = 1
[[stage]]
stage = "distill"
methods = [{methods}]
"""


def initialisers(path: Path) -> dict[str, tuple[int, ...]]:
    return {values.name: tuple(values.dims) for values in onnx.load(path).graph.initializer}


def test_no_connector_reaches_the_student_s_files(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    named = [f'{{ name = "{name}" }}' for name in (*CONNECTED, "soft-targets")]
    recipe = RECIPE.format(methods=", ".join([*named, '{ name = "mine:Means", weight = 0.5, power = 2 }']))
    made = ran(recipe, tmp_path, "scratch onnx", "distill onnx")
    nets = [load_file(made[name].path) for name in ("scratch", "distill")]
    assert [(name, values.shape) for name, values in sorted(nets[0].items())] == [
        (name, values.shape) for name, values in sorted(nets[1].items())
    ]
    assert any((values != nets[1][name]).any() for name, values in nets[0].items())
    files = [made[name].path for name in ("scratch onnx", "distill onnx")]
    assert initialisers(files[0]) == initialisers(files[1])
    assert [node.op_type for node in onnx.load(files[0]).graph.node] == [
        node.op_type for node in onnx.load(files[1]).graph.node
    ]


def test_a_method_that_draws_repeats_itself(toys: dict[str, Any], tmp_path: Path) -> None:
    digits, training = read_data("digits", seed=0), Training(epochs=1, views=1)
    said = heard(toys["images"][0], view(digits, 0, training), ("embedding",))
    recorded = Recorded(
        said.outputs.numpy()[None], {path: values.numpy()[None] for path, values in said.features.items()}
    )
    found = set()
    for _ in range(2):
        torch.rand(3)  # whatever ran before does not matter
        guidance = Guidance([recorded], Guiding(methods=({"name": "crd", "negatives": 64},)))
        save_checkpoint(tmp_path / "net", trained("ds-cnn", {"width": 8, "depth": 1}, digits, training, guidance))
        found.add(digest(tmp_path / "net"))
    assert len(found) == 1


@pytest.mark.parametrize("task", ["regress", "reconstruct"])
@pytest.mark.parametrize("name", FOR_CLASSES)
def test_what_compares_classes_is_refused_for_values_as_soon_as_a_recipe_is_read(
    name: str, task: str, tmp_path: Path
) -> None:
    (tmp_path / "values.toml").write_text(f'task = "{task}"' + RECIPE.format(methods=f'{{ name = "{name}" }}'))
    with pytest.raises(BadRecipe, match=rf"stage 1 \(distill\): method '{name}' compares .* the task is \"{task}\""):
        read_recipe(tmp_path / "values.toml")
