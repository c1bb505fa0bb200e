"""Peers, inner heads, a mean self and critics learn beside a student, and nothing of them is left behind."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from edgestill.pipeline.artifact import digest
from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.data.dataset import DataSet
from edgestill.pipeline.distillation.answers import Answers
from edgestill.pipeline.distillation.guidance import Guidance
from edgestill.pipeline.distillation.guiding import Guiding
from edgestill.pipeline.distillation.method import Lesson, Method
from edgestill.pipeline.distillation.methods.adversarial import Adversarial, AdversarialFeatures, told_apart
from edgestill.pipeline.distillation.methods.beside import aside, fresh
from edgestill.pipeline.distillation.methods.catalog import WITHOUT_TEACHER
from edgestill.pipeline.distillation.methods.deep_supervision import DeepSupervision
from edgestill.pipeline.distillation.methods.mean_teacher import MeanTeacher
from edgestill.pipeline.distillation.methods.mutual import Mutual
from edgestill.pipeline.distillation.options import Training
from edgestill.pipeline.distillation.repeatable import repeatable
from edgestill.pipeline.distillation.taps import silent_copy, tapped
from edgestill.pipeline.distillation.train import trained
from edgestill.pipeline.models.catalog import build
from edgestill.pipeline.models.checkpoint import save_checkpoint
from edgestill.pipeline.task import Task
from edgestill.tests.ran_recipe import ran

torch.set_num_threads(1)
BRIEF = Training(epochs=2, batch=64, learning_rate=0.02, views=1)
NARROW = {"width": 8, "depth": 1, "dropout": 0.1}
FOUR = Task("classify", tuple("abcd"))


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return read_data("digits", seed=0)


def small_net(dropout: float = 0.0) -> nn.Module:
    torch.manual_seed(1)
    return build("ds-cnn", (8, 8, 1), 4, {"width": 4, "depth": 1, "dropout": dropout})


def lesson_of(net: nn.Module, seed: int = 0, samples: int = 6, **changes: Any) -> Lesson:
    """What a net says of random images, and a teacher of its own shape."""
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(samples, 1, 8, 8, generator=random)
    y = torch.randint(0, 4, (samples,), generator=random)
    said = torch.randn(samples, 4, generator=random)
    with tapped(net, ("features", "embedding"), x[:1]) as listening:
        student = listening(x)
    teacher = Answers(said, {path: values.detach() + 0.5 for path, values in student.features.items()})
    return dataclasses.replace(
        Lesson(FOUR, x, y, torch.arange(samples), student, teacher, temperature=2.0, progress=0.5), **changes
    )


def fallen(method: Method, net: nn.Module, steps: int = 60) -> tuple[float, float]:
    """A method's loss on one lesson before and after so many steps of the net and of what learns beside it."""
    lesson = lesson_of(net)
    method.prepare(net, lesson, len(lesson.x))
    parameters = [*net.parameters(), *(values for values in method.parameters() if values.requires_grad)]
    stepping = torch.optim.Adam(parameters, 0.01)
    losses = []
    for _ in range(steps):
        loss = method(lesson_of(net.train()))
        stepping.zero_grad()
        loss.backward()
        stepping.step()
        method.after_step(net)
        losses.append(loss.item())
    return losses[0], losses[-1]


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=5))
def test_what_learns_aside_counts_nothing_and_learns_as_ever(values: list[float]) -> None:
    leaf = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    loss = aside(leaf.square().sum())
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0 and torch.equal(leaf.grad, 2 * leaf.detach())  # type: ignore[arg-type]


def test_a_fresh_net_is_another_draw_of_the_same_values() -> None:
    net = small_net()
    first, again, other = fresh(net, 5), fresh(net, 5), fresh(net, 6)
    for name, values in net.named_parameters():
        drawn = [dict(each.named_parameters())[name] for each in (first, again, other)]
        assert torch.equal(drawn[0], drawn[1])
        assert torch.equal(values.flatten().sort().values, drawn[0].flatten().sort().values)
    x = torch.randn(8, 1, 8, 8)
    assert not torch.allclose(first(x), net(x)) and not torch.allclose(first(x), other(x))


def test_a_fresh_net_of_tables_keeps_the_vector_of_padding_and_forgets_what_was_counted() -> None:
    torch.manual_seed(0)
    words = build("text-cnn", (6,), 2, {"buckets": 20})
    words(torch.randint(0, 20, (8, 6)))
    peer = fresh(words, 0)
    assert not peer.get_parameter("table.weight")[0].any() and words.get_buffer("features.norm.running_mean").any()
    assert not peer.get_buffer("features.norm.running_mean").any() and peer.training


def test_no_tap_hears_a_copy_and_a_net_s_own_hooks_stay() -> None:
    net, x, own = small_net(), torch.randn(3, 1, 8, 8), []
    net.get_submodule("head").register_forward_hook(lambda *_: own.append(1))
    with tapped(net, ("features", "embedding"), x) as listening:
        own.clear()
        heard = listening(x)
        copied = silent_copy(net)
        copied(x + 1)
        assert torch.equal(listening.heard["features"], heard.features["features"])
    assert len(own) == 2


def test_a_peer_that_says_the_same_draws_nobody() -> None:
    net = small_net().train()
    mutual = Mutual(peers=2)
    mutual.prepare(net, lesson_of(net), 6)
    for peer in mutual.peers:
        peer.load_state_dict(net.state_dict())
    assert abs(mutual(lesson_of(net)).item()) < 1e-6


def test_a_student_is_drawn_to_the_mean_of_its_peers_and_no_peer_to_the_student_s_gradient() -> None:
    net = small_net().train()
    lesson = lesson_of(net)
    mutual = Mutual(peers=2)
    with repeatable(3, 1):
        mutual.prepare(net, lesson, 6)
    leaf = lesson.student.outputs.detach().requires_grad_()
    mutual(dataclasses.replace(lesson, student=Answers(leaf))).backward()
    others = [peer(lesson.x).detach() for peer in mutual.peers]
    expected = torch.stack([(leaf / 2).softmax(1) - (other / 2).softmax(1) for other in others]).mean(0) * 2 / 6
    assert leaf.grad is not None and torch.allclose(leaf.grad, expected.detach(), atol=1e-6)
    assert all(values.grad is not None for values in mutual.parameters())


def test_peers_learn_the_task_too() -> None:
    net = small_net()
    mutual = Mutual()
    lesson = lesson_of(net)
    fallen(mutual, net)
    peer = mutual.peers[0]
    assert peer.training
    assert lesson.task_loss(peer(lesson.x)) < functional.cross_entropy(torch.zeros(6, 4), lesson.y)


def test_a_head_that_agrees_with_labels_and_the_end_has_nothing_to_learn() -> None:
    sure = 40 * functional.one_hot(torch.tensor([0, 1, 2, 3]), 4).float()
    lesson = Lesson(
        FOUR, torch.zeros(4, 1), torch.arange(4), torch.arange(4), Answers(sure, {"features": sure}), None, 2.0
    )
    supervision = DeepSupervision()
    supervision.heads = nn.ModuleList([nn.Identity()])
    assert abs(supervision(lesson).item()) < 1e-6


def test_heads_move_the_layers_that_they_hear_and_not_the_student_s_end() -> None:
    net = small_net().train()
    supervision = DeepSupervision()
    supervision.prepare(net, lesson_of(net), 6)
    supervision(lesson_of(net)).backward()
    moved = {name: values.grad is not None and bool(values.grad.any()) for name, values in net.named_parameters()}
    assert moved.pop("head.dense.weight") is moved.pop("head.dense.bias") is False
    assert any(moved.values())


def test_a_mean_self_ends_as_the_running_mean_of_weights_and_statistics() -> None:
    net = small_net().train()
    mean = MeanTeacher(decay=0.9)
    mean.prepare(net, lesson_of(net), 6)
    expected = {name: values.clone().double() for name, values in net.state_dict().items()}
    for step in range(25):
        net(torch.randn(6, 1, 8, 8))
        with torch.no_grad():
            for values in net.parameters():
                values.add_(torch.randn_like(values))
        mean.after_step(net)
        kept = min(0.9, (1 + step) / (10 + step))
        expected = {name: kept * expected[name] + (1 - kept) * values for name, values in net.state_dict().items()}
    for name, values in mean.mean.state_dict().items():
        if values.is_floating_point():
            assert torch.allclose(values.double(), expected[name], atol=1e-4), name
        else:
            assert values == net.state_dict()[name]


def test_a_mean_self_that_is_the_student_itself_asks_for_nothing_and_never_learns_by_gradient() -> None:
    net = small_net().eval()
    mean = MeanTeacher(noise=0.0)
    mean.prepare(net, lesson_of(net), 6)
    assert mean(lesson_of(net)).item() == 0
    assert not any(values.requires_grad for values in mean.parameters())
    ids = torch.randint(1, 20, (4, 6))
    words = build("text-cnn", (6,), 4, {"buckets": 20}).eval()
    hiding = MeanTeacher(noise=0.5)
    told = Lesson(FOUR, ids, torch.zeros(4, dtype=torch.int64), torch.arange(4), Answers(words(ids)), None, 1.0, 1.0)
    hiding.prepare(words, told, 4)
    assert hiding(told).item() > 0


@given(st.floats(0, 1), st.floats(0, 1))
def test_consistency_counts_ever_more_until_all_of_it_does(ramp: float, progress: float) -> None:
    rise = MeanTeacher(ramp=ramp)._rise
    assert 0 < math.exp(-5) * 0.999 <= rise(progress * 0.9) <= rise(progress) <= 1 == rise(1.0)


def test_the_gradient_of_consistency_is_right() -> None:
    net = small_net().double().eval()
    mean = MeanTeacher(noise=0.0)
    mean.prepare(net, lesson_of(small_net()), 6)
    lesson = lesson_of(small_net())
    lesson = dataclasses.replace(lesson, x=lesson.x.double())
    leaf = lesson.student.outputs.detach().double().requires_grad_()

    def loss(outputs: torch.Tensor) -> torch.Tensor:
        return mean(dataclasses.replace(lesson, student=Answers(outputs)))  # type: ignore[no-any-return]

    assert torch.autograd.gradcheck(loss, leaf, atol=1e-3)  # what is followed is float32


def test_a_critic_is_mended_and_the_student_goes_against_it() -> None:
    torch.manual_seed(0)
    critic, condition = nn.Linear(3, 1), torch.zeros(5, 0)
    student, teacher = torch.randn(5, 3, requires_grad=True), torch.randn(5, 3)
    told_apart(critic, student, teacher, condition).backward()  # type: ignore[no-untyped-call]
    found = [student.grad.clone(), critic.weight.grad.clone()]  # type: ignore[union-attr]
    error = functional.softplus(-critic(teacher)).mean() + functional.softplus(critic(student)).mean()
    expected = torch.autograd.grad(error, (student, critic.weight))
    assert torch.allclose(found[0], -expected[0]) and torch.allclose(found[1], expected[1])


@pytest.mark.parametrize("method", [Adversarial(), AdversarialFeatures()])
def test_who_cannot_be_told_apart_costs_nothing_and_who_can_does(method: Adversarial | AdversarialFeatures) -> None:
    net = small_net()
    lesson = lesson_of(net, samples=64)
    method.prepare(net, lesson, 64)
    same = dataclasses.replace(lesson, student=lesson.taught)
    assert method(lesson).item() == method(same).item() == 0  # a critic begins without an opinion
    stepping = torch.optim.Adam(method.parameters(), 0.01)
    for _ in range(100):
        stepping.zero_grad()
        method(dataclasses.replace(lesson, student=lesson.student.each(torch.Tensor.detach))).backward()
        stepping.step()
    assert method(lesson).item() > 0.2 > method(same).item() >= 0


def test_a_critic_of_wider_teachers_hears_the_student_through_a_connector() -> None:
    net = small_net()
    lesson = lesson_of(net)
    wide = Answers(lesson.taught.outputs, {"embedding": torch.randn(6, 9)})
    method = AdversarialFeatures()
    method.prepare(net, dataclasses.replace(lesson, teacher=wide), 6)
    assert method(dataclasses.replace(lesson, teacher=wide)).item() == 0
    assert sum(isinstance(each, nn.Linear) for each in method.connectors) == 1


@pytest.mark.parametrize("method", [Mutual(), DeepSupervision()])
def test_a_loss_falls_on_a_toy(method: Method) -> None:
    first, last = fallen(method, small_net())
    assert last < 0.7 * first


@pytest.mark.parametrize("name", WITHOUT_TEACHER)
def test_whoever_needs_no_teacher_trains_one_net_to_the_same_bytes(name: str, digits: DataSet, tmp_path: Path) -> None:
    guidance = Guidance((), Guiding(methods=({"name": name},), alpha=0.5))
    files = [tmp_path / "first", tmp_path / "again"]
    for file in files:
        torch.rand(3)  # whatever ran before does not matter
        save_checkpoint(file, trained("ds-cnn", NARROW, digits, BRIEF, guidance))
    assert digest(files[0]) == digest(files[1])
    alone = trained("ds-cnn", NARROW, digits, BRIEF)
    taught = trained("ds-cnn", NARROW, digits, BRIEF, guidance)
    assert taught.net.state_dict().keys() == alone.net.state_dict().keys()
    assert not any(layer._forward_hooks for layer in taught.net.modules())
    assert any(not torch.equal(values, alone.net.state_dict()[key]) for key, values in taught.net.state_dict().items())


def test_methods_without_a_teacher_need_none_in_a_recipe(tmp_path: Path) -> None:
    recipe = """
exports = []
[data]
name = "digits"
[training]
views = 1
[student]
model = "ds-cnn"
options = { width = 8, depth = 1 }
epochs = 1
[[stage]]
stage = "distill"
methods = [
    { name = "mutual", peers = 2 }, { name = "mean-teacher" }, { name = "deep-supervision", student = ["features.0"] }
]
balance = "uncertainty"
"""
    made = ran(recipe, tmp_path, "distill onnx", "scratch onnx")
    sizes = [made[name].path.stat().st_size for name in ("distill onnx", "scratch onnx")]
    assert abs(sizes[0] - sizes[1]) < 200  # the digest of the checkpoint differs, no layer is there twice
