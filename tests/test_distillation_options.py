"""Each option of a training does what it says, repeats to the bit, and is named when it is out of its range."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.data.dataset import DataSet
from edgestill.pipeline.distillation.allocation import keep_memory
from edgestill.pipeline.distillation.answers import Answers
from edgestill.pipeline.distillation.batches import Batch, batches, mixed
from edgestill.pipeline.distillation.early_stopping import BestEpoch
from edgestill.pipeline.distillation.guidance import Guidance, Recorded
from edgestill.pipeline.distillation.guiding import Guiding
from edgestill.pipeline.distillation.loss import task_loss
from edgestill.pipeline.distillation.optimizer import optimizer, parameter_groups, schedule, share
from edgestill.pipeline.distillation.options import Training
from edgestill.pipeline.distillation.repeatable import repeatable
from edgestill.pipeline.distillation.train import fit, score, trained
from edgestill.pipeline.errors import BadInput, MissingTool
from edgestill.pipeline.models.checkpoint import Checkpoint, Epoch, load_checkpoint, read_about, save_checkpoint
from edgestill.pipeline.preprocess import Preprocess
from edgestill.pipeline.task import Metric, Task

torch.set_num_threads(1)
BRIEF = Training(epochs=2, batch=64, learning_rate=0.02, views=1)
NARROW = {"width": 8, "depth": 1}
CHANGES: list[dict[str, Any]] = [
    {"optimizer": "adam"},
    {"optimizer": "sgd", "momentum": 0.0},
    {"optimizer": "sgd"},
    {"optimizer": "sgd", "nesterov": True},
    {"optimizer": "rmsprop", "learning_rate": 0.002},
    {"weight_decay": 0.3},
    {"weight_decay": 0.3, "decay_norms": False},
    {"schedule": "constant"},
    {"schedule": "cosine"},
    {"schedule": "cosine", "warmup": 1},
    {"schedule": "step", "milestones": (1,)},
    {"clip_norm": 0.05},
    {"label_smoothing": 0.1},
    {"mixup": 0.4},
    {"views": 2, "noise": 0.2},
    {"seed": 1},
]


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return read_data("digits", seed=0)


def weights(dataset: DataSet, **change: Any) -> torch.Tensor:
    net = trained("ds-cnn", NARROW, dataset, dataclasses.replace(BRIEF, **change)).net
    return torch.cat([values.flatten().double() for values in net.state_dict().values()])


def test_every_option_gives_weights_of_its_own_and_the_same_ones_again(digits: DataSet) -> None:
    found = [weights(digits, **change) for change in ({}, *CHANGES)]
    for place, one in enumerate(found):
        assert torch.isfinite(one).all()
        assert not [other for other in found[:place] if torch.equal(one, other)]
    for place in (0, 5, len(CHANGES) - 2):
        assert torch.equal(weights(digits, **({}, *CHANGES)[place]), found[place])


def test_bytes_do_not_depend_on_memory_that_is_left_as_it_was(digits: DataSet) -> None:
    before = weights(digits)
    with repeatable(0, threads=1):
        assert torch.utils.deterministic.fill_uninitialized_memory is False  # type: ignore[attr-defined]
        _ = torch.full((1 << 22,), math.nan)  # what the next step finds in its memory
    assert torch.utils.deterministic.fill_uninitialized_memory is True  # type: ignore[attr-defined]
    assert torch.equal(weights(digits), before)
    assert keep_memory() in (True, False)


def rates(training: Training, steps: int) -> list[float]:
    stepping = optimizer(nn.Linear(2, 2), training)
    rate = schedule(stepping, training, steps)
    found = []
    for _ in range(training.epochs * steps):
        found.append(float(stepping.param_groups[0]["lr"]))
        stepping.step()
        rate.step()
    return found


@given(st.integers(2, 6), st.integers(1, 5), st.sampled_from(["cosine", "step", "constant"]), st.data())
def test_a_rate_rises_while_it_warms_and_never_after(epochs: int, steps: int, name: Any, data: Any) -> None:
    warmup = data.draw(st.integers(0, epochs - 2))
    milestones = (epochs - 1,) if name == "step" else ()
    training = Training(epochs=epochs, schedule=name, warmup=warmup, milestones=milestones)
    shares = [share(training, step, steps) for step in range(epochs * steps)]
    warm = warmup * steps
    assert max(shares) == 1.0 and all(0 < value <= 1 for value in shares)
    assert shares[: warm + 1] == sorted(shares[: warm + 1]) and shares[warm:] == sorted(shares[warm:], reverse=True)


def test_the_rate_follows_its_schedule_step_by_step() -> None:
    assert rates(Training(epochs=3, schedule="constant", learning_rate=0.5), 2) == [0.5] * 6
    stepped = rates(Training(epochs=3, schedule="step", milestones=(1, 2), gamma=0.5, learning_rate=1.0), 2)
    assert stepped == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    waved = rates(Training(epochs=4, schedule="cosine", learning_rate=1.0), 1)
    assert np.allclose(waved, [1.0, 0.5 + math.sqrt(0.5) / 2, 0.5, 0.5 - math.sqrt(0.5) / 2])
    cycled = rates(Training(epochs=10, learning_rate=0.3), 10)
    assert np.isclose(max(cycled), 0.3) and cycled[0] < 0.02 and cycled[-1] < 0.001


def test_momentum_stays_what_it_was_set_to() -> None:
    training = Training(epochs=4, optimizer="sgd", momentum=0.7)
    stepping = optimizer(nn.Linear(2, 2), training)
    rate = schedule(stepping, training, 5)
    for _ in range(10):
        stepping.step()
        rate.step()
    assert stepping.param_groups[0]["momentum"] == 0.7


def test_weight_decay_spares_norms_and_biases_where_it_is_told_to() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    (everything,) = parameter_groups(net, Training(weight_decay=0.2))
    decayed, spared = parameter_groups(net, Training(weight_decay=0.2, decay_norms=False))
    assert len(everything["params"]) == 4 and everything["weight_decay"] == 0.2
    assert [tuple(values.shape) for values in decayed["params"]] == [(4, 3)] and decayed["weight_decay"] == 0.2
    assert len(spared["params"]) == 3 and spared["weight_decay"] == 0.0


def test_a_smoothed_label_is_a_mixture_with_all_labels() -> None:
    logits, labels = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
    hot = 0.8 * functional.one_hot(labels, 4) + 0.2 / 4
    expected = -(hot * functional.log_softmax(logits, dim=1)).sum(dim=1).mean()
    assert torch.isclose(task_loss(Task("classify", tuple("abcd")), logits, logits, labels, 0.2), expected)


@given(st.floats(0.1, 5), st.integers(0, 99))
def test_a_mixed_batch_is_the_same_mixture_of_samples_targets_and_teacher(alpha: float, seed: int) -> None:
    x, y = torch.randn(6, 1, 2, 2), torch.randint(0, 4, (6,))
    random = np.random.default_rng(seed)
    share, other = float(random.beta(alpha, alpha)), torch.from_numpy(random.permutation(6))
    batch = mixed(Batch(x, y, torch.arange(6), [Answers(x.flatten(1))]), share, other)
    assert batch.partners is not None and batch.share == share
    assert torch.equal(batch.y, y) and sorted(batch.partners.tolist()) == sorted(y.tolist())
    assert torch.equal(batch.teachers[0].outputs, batch.x.flatten(1))
    assert torch.allclose(batch.x.mean(dim=0), x.mean(dim=0), atol=1e-5)


def test_mixing_leaves_the_order_of_the_samples_alone(digits: DataSet) -> None:
    plain = next(batches(digits, BRIEF, None))
    mixture = next(batches(digits, dataclasses.replace(BRIEF, mixup=1.0), None))
    assert torch.equal(plain.y, mixture.y) and not torch.equal(plain.x, mixture.x)


def test_a_student_of_mixed_samples_hears_mixed_teachers(digits: DataSet) -> None:
    said = Recorded(np.random.default_rng(0).normal(size=(1, len(digits.train), 10)).astype(np.float32))
    heard = Guidance([said], Guiding(temperature=2.0, alpha=0.5))
    nets = [trained("ds-cnn", NARROW, digits, dataclasses.replace(BRIEF, mixup=mixup), heard) for mixup in (0.0, 0.5)]
    assert nets[0].about.history != nets[1].about.history


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_a_training_on_a_gpu_that_is_not_there_is_refused_before_it_begins(digits: DataSet) -> None:
    with pytest.raises(MissingTool, match='device is "cuda", but torch .* finds no GPU; install its CUDA build'):
        trained("ds-cnn", NARROW, digits, dataclasses.replace(BRIEF, device="cuda"))


def followed(values: Sequence[float], patience: int, better: Any) -> tuple[BestEpoch, nn.Linear]:
    """A net whose weight is the number of the epoch, until the training is over."""
    net = nn.Linear(1, 1)
    best = BestEpoch(Metric("m", "%", better), patience)
    for number, value in enumerate(values):
        with torch.no_grad():
            net.weight.fill_(number)
        best.add(Epoch(0.0, value), net)
        if best.is_over:
            break
    return best, net


@pytest.mark.parametrize("better", ["higher", "lower"])
@given(st.lists(st.integers(-20, 20), min_size=1, max_size=12), st.integers(1, 4))
def test_the_best_epoch_is_kept_and_patience_ends_a_training(better: Any, values: list[int], patience: int) -> None:
    best, net = followed([float(value) for value in values], patience, better)
    history = best.keep(net)
    top = (max if better == "higher" else min)(epoch.validation for epoch in history)
    kept = [place for place, epoch in enumerate(history) if epoch.kept]
    assert kept == [[epoch.validation for epoch in history].index(top)] and net.weight.item() == kept[0]
    ended = len(history) - 1 - kept[0] >= patience
    assert ended or len(history) == len(values)


def test_without_patience_the_last_epoch_is_kept_even_when_it_is_worse() -> None:
    best, net = followed([90.0, 80.0, 70.0], 0, "higher")
    assert [epoch.kept for epoch in best.keep(net)] == [False, False, True] and net.weight.item() == 2


def test_an_epoch_without_a_number_is_never_the_best() -> None:
    best, net = followed([math.nan, 50.0, math.nan], 2, "lower")
    assert [epoch.kept for epoch in best.keep(net)] == [False, True, False]


def test_a_training_that_stops_early_keeps_and_names_its_best_epoch(digits: DataSet, tmp_path: Path) -> None:
    wild = dataclasses.replace(BRIEF, epochs=30, patience=2, learning_rate=0.1, schedule="constant")
    checkpoint = trained("ds-cnn", NARROW, digits, wild)
    history = checkpoint.about.history
    (kept,) = (epoch for epoch in history if epoch.kept)
    assert len(history) < 30 and kept.validation == max(epoch.validation for epoch in history)
    assert score(checkpoint.net, digits.validation, digits.about) == kept.validation
    save_checkpoint(tmp_path / "net.safetensors", checkpoint)
    assert read_about(tmp_path / "net.safetensors").history == history
    assert isinstance(load_checkpoint(tmp_path / "net.safetensors"), Checkpoint)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"momentum": 1.0}, "momentum is 1.0; it must be at most 0.9999"),
        ({"optimizer": "adamw", "nesterov": True}, 'nesterov is a kind of momentum; it needs optimizer "sgd"'),
        ({"warmup": 3}, 'warmup is part of schedule "one-cycle" already'),
        ({"schedule": "cosine", "warmup": 20}, r"warmup is 20 epochs; it must be below epochs \(20\)"),
        ({"schedule": "step"}, 'schedule "step" and milestones, the epochs that it steps after, need each other'),
        ({"milestones": (3,)}, "need each other"),
        ({"schedule": "step", "milestones": (3, 20)}, r"milestones are \[3, 20\]; each must lie between warmup and 20"),
        ({"clip_norm": -1.0}, "clip_norm is -1.0; it must be at least 0"),
        ({"label_smoothing": 0.95}, "label_smoothing is 0.95; it must be at most 0.9"),
        ({"gamma": 0.0}, "gamma is 0.0; it must be above 0"),
        ({"patience": -1}, "patience is -1; it must be at least 0"),
    ],
)
def test_an_option_out_of_its_range_is_named(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Training(**options)


def test_an_option_of_another_task_or_other_samples_is_named_before_any_step(digits: DataSet) -> None:
    net = nn.Linear(1, 1)
    real = dataclasses.replace(digits.about, task=Task("regress", ("angle",)))
    values = digits.train.y[:, None].astype(np.float32)
    splits = {
        name: dataclasses.replace(digits.split(name), y=digits.split(name).y[:, None].astype(np.float32))
        for name in ("train", "calibration", "validation", "test")
    }
    assert values.ndim == 2
    with pytest.raises(BadInput, match='label_smoothing is for task "classify", not "regress"; leave it out'):
        fit(net, DataSet(real, **splits), dataclasses.replace(BRIEF, label_smoothing=0.1))


def test_token_ids_are_neither_moved_nor_mixed(digits: DataSet) -> None:
    tokens = {
        name: dataclasses.replace(digits.split(name), x=digits.split(name).x.reshape(-1, 64).astype(np.int32))
        for name in ("train", "calibration", "validation", "test")
    }
    about = dataclasses.replace(digits.about, preprocess=Preprocess((64,), "int32"))
    changes: list[tuple[dict[str, Any], str]] = [
        ({"mixup": 0.2}, "mixup cannot mix token ids"),
        ({"views": 2, "shift": 1}, "shift makes no sense on token ids"),
    ]
    for change, message in changes:
        with pytest.raises(BadInput, match=message):
            fit(nn.Linear(1, 1), DataSet(about, **tokens), dataclasses.replace(BRIEF, **change))
