"""A transformer teaches by what it holds and hears inside, and gives its blocks to a student of fewer."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from edgestill.pipeline.distillation.answers import Answers
from edgestill.pipeline.distillation.initial import take_layers
from edgestill.pipeline.distillation.method import Lesson, Method
from edgestill.pipeline.distillation.methods.attention_maps import AttentionMaps
from edgestill.pipeline.distillation.methods.hidden_states import Embeddings, HiddenStates
from edgestill.pipeline.distillation.methods.minilm import RELATIONS, MiniLm
from edgestill.pipeline.distillation.taps import tapped
from edgestill.pipeline.errors import BadInput
from edgestill.pipeline.models.catalog import build
from edgestill.pipeline.models.checkpoint import About, Checkpoint, load_checkpoint
from edgestill.pipeline.models.export import export_onnx
from edgestill.pipeline.preprocess import Preprocess
from edgestill.pipeline.task import Task
from edgestill.tests.ran_recipe import ran

torch.set_num_threads(1)
TWO = Task("classify", ("ham", "spam"))
LENGTH, ROWS = 6, 30
LAYERS = ("table", "blocks.0", "blocks.1", "blocks.0.hear.1.share", "blocks.1.hear.1.share")
PARTS = tuple(f"blocks.1.hear.1.{part}" for part in ("query", "key", "value"))


def net_of(seed: int, **options: Any) -> nn.Module:
    torch.manual_seed(seed)
    return build("transformer", (LENGTH,), 2, {"buckets": ROWS, "width": 8, "dropout": 0.0, **options})


def heard(net: nn.Module, ids: torch.Tensor) -> Answers:
    with tapped(net, (*LAYERS, *PARTS), ids) as listening:
        return listening(ids)


def lesson_of(student: nn.Module, teacher: nn.Module, samples: int = 5) -> Lesson:
    ids = torch.randint(0, ROWS, (samples, LENGTH), generator=torch.Generator().manual_seed(0))
    y, rows = torch.zeros(samples, dtype=torch.int64), torch.arange(samples)
    taught = heard(teacher, ids).each(torch.Tensor.detach)
    return Lesson(TWO, ids, y, rows, heard(student, ids), taught)


def methods() -> list[Method]:
    return [HiddenStates(), Embeddings(), AttentionMaps(), AttentionMaps(form="shares"), MiniLm(relations=RELATIONS)]


def named(method: Method) -> str:
    return f"{type(method).__name__} {vars(method).get('form', '')}".strip()


@pytest.mark.parametrize("method", methods(), ids=named)
def test_a_student_that_holds_and_hears_the_same_has_nothing_to_learn(method: Method) -> None:
    net = net_of(0)
    lesson = lesson_of(net, net)
    method.prepare(net, lesson, 5)
    assert abs(method(lesson).item()) < 1e-6
    other = lesson_of(net, net_of(1))
    assert method(other).item() > 0


@pytest.mark.parametrize("method", methods(), ids=named)
def test_a_smaller_student_learns_what_a_larger_teacher_holds(method: Method) -> None:
    student, teacher = net_of(0), net_of(1, width=16, heads=4)
    method.prepare(student, lesson_of(student, teacher), 5)
    stepping = torch.optim.Adam([*student.parameters(), *method.parameters()], 0.01)
    losses = []
    for _ in range(60):
        loss = method(lesson_of(student, teacher))
        stepping.zero_grad()
        loss.backward()
        stepping.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("method", methods(), ids=named)
def test_the_gradients_are_right(method: Method) -> None:
    student, teacher = net_of(0), net_of(1)
    lesson = lesson_of(student, teacher)
    method.prepare(student, lesson, 5)
    exact = dataclasses.replace(lesson, teacher=lesson.taught.each(torch.Tensor.double))
    leaves = [lesson.student.features[path].detach().double().requires_grad_() for path in method.student]

    def loss(*values: torch.Tensor) -> torch.Tensor:
        answers = Answers(lesson.student.outputs, dict(zip(method.student, values, strict=True)))
        return method.double()(dataclasses.replace(exact, student=answers))  # type: ignore[no-any-return]

    assert torch.autograd.gradcheck(loss, leaves)


@given(st.integers(0, 99), st.floats(-5, 5))
def test_scores_are_compared_up_to_what_a_softmax_drops(seed: int, added: float) -> None:
    scores = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    theirs = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(seed + 1), dtype=torch.float64)
    method = AttentionMaps(("a",), ("a",))
    found = method._distance((scores + added).softmax(-1), theirs.softmax(-1))
    own, other = (values - values.mean(-1, keepdim=True) for values in (scores, theirs))
    assert torch.allclose(found, (own - other).square().mean(), rtol=1e-4)


def test_the_relation_of_queries_and_keys_is_what_the_net_itself_hears() -> None:
    net = net_of(0, heads=2)
    features = heard(net, torch.randint(0, ROWS, (3, LENGTH))).features
    method = MiniLm(heads=2)
    query, key = (method._split(features[path]) for path in PARTS[:2])
    relation = (query @ key.transpose(2, 3) / query.shape[3] ** 0.5).softmax(-1)
    assert torch.allclose(relation, features["blocks.1.hear.1.share"], atol=1e-6)


WRONG: list[tuple[Callable[[], Method], str]] = [
    (lambda: AttentionMaps(form="maps"), "form is 'maps'; there are scores, shares"),
    (lambda: MiniLm(("blocks.1",), ("blocks.1",)), "name 3 layers each: query, key, value"),
    (lambda: MiniLm(relations=("key-value",)), "no relation is named 'key-value'; there are query-key"),
]


@pytest.mark.parametrize(("made", "message"), WRONG)
def test_an_option_that_a_method_has_no_use_for_is_named(made: Callable[[], Method], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made()


UNLIKE: list[tuple[Method, str]] = [
    (HiddenStates(("embedding",), ("embedding",)), "wants .positions, width. of both"),
    (AttentionMaps(("blocks.0",), ("blocks.0",)), "attention maps are .heads, length, length."),
    (MiniLm(heads=3), "heads is 3, but a layer is 8 wide"),
]


@pytest.mark.parametrize(("method", "message"), UNLIKE, ids=[named(method) for method, _ in UNLIKE])
def test_layers_that_hold_something_else_are_named(method: Method, message: str) -> None:
    net = net_of(0)
    lesson = lesson_of(net, net)
    pooled = {**lesson.student.features, "embedding": lesson.student.features["blocks.1"].mean(1)}
    lesson = dataclasses.replace(
        lesson, student=Answers(lesson.student.outputs, pooled), teacher=Answers(lesson.student.outputs, pooled)
    )
    with pytest.raises(BadInput, match=message):
        method.prepare(net, lesson, 5)


def teacher_of(**options: Any) -> Checkpoint:
    about = About("transformer", {}, TWO, Preprocess((LENGTH,), "int32"), 0)
    return Checkpoint(net_of(1, **options), about)


def test_a_student_of_half_the_blocks_begins_with_every_second_of_its_teacher() -> None:
    teacher, student = teacher_of(blocks=4), net_of(0, blocks=2)
    take_layers(student, teacher)
    theirs = teacher.net.state_dict()
    for name, values in student.state_dict().items():
        place = name.replace("blocks.1.", "blocks.2.") if name.startswith("blocks.1.") else name
        assert torch.equal(values, theirs[place]), name


def test_a_student_of_as_many_blocks_begins_as_its_teacher() -> None:
    teacher, student = teacher_of(), net_of(0)
    take_layers(student, teacher)
    ids = torch.randint(0, ROWS, (3, LENGTH))
    assert torch.equal(student(ids), teacher.net(ids))


MISFITS: list[tuple[dict[str, Any], str]] = [
    ({"width": 16}, r"positions of the student has shape \(6, 16\), positions of the teacher has shape \(6, 8\)"),
    ({"blocks": 3}, r"blocks\.2.* of the teacher is not there; .drop-layers. wants the same net with fewer blocks"),
    ({"expansion": 4}, r"blocks\.0\.think\.1\.weight of the student"),
]


@pytest.mark.parametrize(("options", "message"), MISFITS)
def test_blocks_that_do_not_fit_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        take_layers(net_of(0, **options), teacher_of())


RECIPE = """
exports = []
[data]
name = "texts"
folder = "mails"
length = 8
buckets = 64
[training]
views = 1
batch = 16
[teacher]
model = "transformer"
options = { buckets = 64, width = 16, heads = 4, blocks = 4 }
epochs = 3
learning_rate = 0.003
[student]
model = "transformer"
options = { buckets = 64, width = 8, blocks = 2 }
epochs = 3
learning_rate = 0.003
[[stage]]
stage = "distill"
name = "inside"
methods = [
    { name = "soft-targets" },
    { name = "embeddings" },
    { name = "hidden-states", teacher = ["blocks.1", "blocks.3"] },
    { name = "attention-maps", teacher = ["blocks.1.hear.1.share", "blocks.3.hear.1.share"], weight = 0.1 },
    { name = "minilm", heads = 4, teacher = ["blocks.3.hear.1.query", "blocks.3.hear.1.key", "blocks.3.hear.1.value"] },
]
[[stage]]
stage = "distill"
name = "halved"
model = "transformer"
options = { buckets = 64, width = 16, heads = 4, blocks = 2 }
initial = "drop-layers"
epochs = 1
learning_rate = 1e-6
"""


def write_mails(folder: Path) -> None:
    """Mails that two words tell apart."""
    random = np.random.default_rng(0)
    for label, sign in (("ham", "meeting"), ("spam", "prize")):
        (folder / label).mkdir(parents=True)
        for number in range(80):
            words = [f"word{random.integers(0, 30)}" for _ in range(7)]
            words.insert(int(random.integers(0, 7)), sign)
            (folder / label / f"{number}.txt").write_text(" ".join(words))


def test_a_recipe_teaches_from_inside_and_begins_with_half_of_the_blocks(tmp_path: Path) -> None:
    write_mails(tmp_path / "mails")
    made = ran(RECIPE, tmp_path, "inside onnx", "halved", "scratch")
    inside, scratch, halved, teacher = (
        load_checkpoint(made[name].path).net.state_dict() for name in ("inside", "scratch", "halved", "teacher")
    )
    assert {name: values.shape for name, values in inside.items()} == {
        name: values.shape for name, values in scratch.items()
    }
    kept = halved["blocks.1.think.1.weight"]
    assert torch.allclose(kept, teacher["blocks.2.think.1.weight"], atol=1e-3)
    export_onnx(made["inside"].path, tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == made["inside onnx"].path.read_bytes()
