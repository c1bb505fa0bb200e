"""Training repeats to the bit, a teacher's outputs are computed once, and a student hears what it should of them."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from edgestill.pipeline.artifact import Artifact, digest
from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.data.dataset import DataSet, Split, load
from edgestill.pipeline.distillation.answers import Answers
from edgestill.pipeline.distillation.augmentation import Augmentation, augmentation_of, shifted
from edgestill.pipeline.distillation.batches import Batch
from edgestill.pipeline.distillation.guidance import Guidance
from edgestill.pipeline.distillation.guiding import Guiding
from edgestill.pipeline.distillation.objective import Objective
from edgestill.pipeline.distillation.options import Training
from edgestill.pipeline.distillation.repeatable import repeatable
from edgestill.pipeline.distillation.teacher import net_teacher
from edgestill.pipeline.distillation.teacher_outputs import recorded, write_outputs
from edgestill.pipeline.distillation.train import fit, logits, score, trained
from edgestill.pipeline.distillation.views import view
from edgestill.pipeline.errors import BadData, BadInput
from edgestill.pipeline.models.catalog import build
from edgestill.pipeline.models.checkpoint import Checkpoint, load_checkpoint, read_about, save_checkpoint
from edgestill.pipeline.progress import listening
from edgestill.pipeline.stages.distill import Distill
from edgestill.pipeline.stages.prepare_data import PrepareData
from edgestill.pipeline.stages.prune import Prune
from edgestill.pipeline.stages.stage import Stage
from edgestill.pipeline.stages.teach import Teach
from edgestill.pipeline.stages.train import Train
from edgestill.pipeline.task import Task

torch.set_num_threads(1)
BRIEF = Training(epochs=3, batch=64, learning_rate=0.02, views=2, shift=1)
NARROW = {"width": 8, "depth": 1}
SEEN = augmentation_of(BRIEF)
MOVED = Augmentation(views=2, shift=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits, a small teacher, and its outputs."""
    folder = tmp_path_factory.mktemp("distillation")
    PrepareData("digits").write({}, folder / "data")
    dataset = load(folder / "data")
    teacher = trained("residual", {"widths": (8, 16)}, dataset, BRIEF)
    save_checkpoint(folder / "teacher.safetensors", teacher)
    write_outputs(net_teacher(teacher, dataset), dataset, SEEN, threads=1, folder=folder / "outputs")
    return folder


@pytest.fixture(scope="module")
def dataset(folder: Path) -> DataSet:
    return load(folder / "data")


@pytest.fixture(scope="module")
def teacher(folder: Path) -> Checkpoint:
    return load_checkpoint(folder / "teacher.safetensors")


def batch(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    student, teacher = torch.randn(5, 4, generator=random), torch.randn(5, 4, generator=random)
    return student, teacher, torch.randint(0, 4, (5,), generator=random)


def distillation_loss(
    student: torch.Tensor, teacher: torch.Tensor, labels: torch.Tensor, temperature: float, alpha: float
) -> torch.Tensor:
    """What a student of plain distillation minimises on one batch."""
    how = Guiding(temperature=temperature, alpha=alpha)
    objective = Objective(Task("classify", tuple("abcd")), BRIEF, Guidance((), how))
    taught = Batch(student, labels, torch.arange(len(labels)), [Answers(teacher)])
    found: torch.Tensor = objective(Answers(student), taught, 0.0)
    return found


@given(st.integers(0, 999), st.floats(0.5, 20))
def test_without_the_teacher_s_share_the_loss_is_cross_entropy(seed: int, temperature: float) -> None:
    student, teacher, labels = batch(seed)
    loss = distillation_loss(student, teacher, labels, temperature, alpha=0.0)
    assert torch.isclose(loss, functional.cross_entropy(student, labels))


@given(st.integers(0, 999), st.floats(0.5, 20))
def test_the_soft_part_is_never_negative_and_zero_for_a_student_that_agrees(seed: int, temperature: float) -> None:
    student, teacher, labels = batch(seed)
    assert distillation_loss(student, teacher, labels, temperature, alpha=1.0) >= 0
    assert abs(float(distillation_loss(teacher + 3, teacher, labels, temperature, alpha=1.0))) < 1e-4


@given(st.integers(0, 999))
def test_the_soft_gradient_keeps_its_size_when_the_temperature_rises(seed: int) -> None:
    student, teacher, labels = batch(seed)
    gradients = []
    for temperature in (100.0, 1000.0):
        leaf = student.clone().requires_grad_()
        distillation_loss(leaf, teacher, labels, temperature, alpha=1.0).backward()  # type: ignore[no-untyped-call]
        assert leaf.grad is not None
        gradients.append(float(leaf.grad.norm()))
    assert 0.95 < gradients[0] / gradients[1] < 1.05


def test_the_first_view_is_the_training_set_itself(dataset: DataSet) -> None:
    plain = dataset.about.preprocess.apply(np.asarray(dataset.train.x)).transpose(0, 3, 1, 2)
    assert np.array_equal(view(dataset, 0, MOVED).numpy(), plain)
    assert not np.array_equal(view(dataset, 1, MOVED).numpy(), plain)
    assert torch.equal(view(dataset, 1, MOVED), view(dataset, 1, MOVED))
    assert torch.equal(view(dataset, 1, Augmentation(shift=0)), view(dataset, 0, MOVED))


@given(st.integers(-2, 2), st.integers(-2, 2))
def test_a_shifted_sample_moves_and_zeros_come_in(down: int, right: int) -> None:
    x = np.zeros((1, 5, 6, 1), np.uint8)
    x[0, 2, 3, 0] = 9
    moved = shifted(x, np.array([[down, right]]))
    row, column = 2 + down, 3 + right
    assert moved.shape == x.shape and moved.sum() == (9 if column < 6 else 0)
    assert column >= 6 or moved[0, row, column, 0] == 9


def test_two_trainings_give_the_same_bytes_and_another_seed_gives_others(folder: Path, dataset: DataSet) -> None:
    digests = []
    for seed in (0, 0, 1):
        torch.rand(3)  # whatever ran before does not matter
        save_checkpoint(
            folder / "a.safetensors", trained("ds-cnn", NARROW, dataset, dataclasses.replace(BRIEF, seed=seed))
        )
        digests.append(digest(folder / "a.safetensors"))
    assert digests[0] == digests[1] != digests[2]


def test_training_in_bfloat16_repeats_too(dataset: DataSet, tmp_path: Path) -> None:
    once = dataclasses.replace(BRIEF, epochs=1, dtype="bfloat16")
    for name in ("a", "b"):
        save_checkpoint(tmp_path / f"{name}.safetensors", trained("ds-cnn", NARROW, dataset, once))
    assert digest(tmp_path / "a.safetensors") == digest(tmp_path / "b.safetensors")


def test_training_leaves_torch_as_it_was() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with repeatable(seed=0, threads=2):
        assert torch.get_num_threads() == 2 and torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == 1 and not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.rand(3), expected)


def test_the_last_epoch_s_weights_are_kept(teacher: Checkpoint, dataset: DataSet) -> None:
    history = teacher.about.history
    assert len(history) == 3 and history[-1].loss < history[0].loss
    assert score(teacher.net, dataset.validation, dataset.about) == history[-1].validation


def test_progress_tells_epoch_loss_and_validation(dataset: DataSet) -> None:
    heard: list[tuple[int, int, str]] = []

    class Ear:
        def advance(self, done: int, total: int, note: str) -> None:
            heard.append((done, total, note))

        def say(self, text: str) -> None: ...

    with listening(Ear()):
        trained("ds-cnn", NARROW, dataset, dataclasses.replace(BRIEF, epochs=2))
    assert [done for done, _, _ in heard] == list(range(39)) and heard[0] == (0, 38, "epoch 1/2")
    assert heard[-1][2].startswith("epoch 2/2, loss ") and heard[-1][2].endswith(" %")


def test_a_loss_that_is_no_number_stops_the_training(dataset: DataSet) -> None:
    wild = dataclasses.replace(BRIEF, learning_rate=1e30)
    with pytest.raises(BadInput, match=r"training: the loss is (nan|inf) at step \d+; lower learning_rate \(1e\+30\)"):
        trained("ds-cnn", NARROW, dataset, wild)


def test_a_batch_larger_than_the_training_set_is_named(dataset: DataSet) -> None:
    with pytest.raises(BadInput, match="batch is 5000, but data set digits has 1259 training samples"):
        trained("ds-cnn", NARROW, dataset, dataclasses.replace(BRIEF, batch=5000))


def test_dirty_data_stop_a_training_before_it_begins(dataset: DataSet) -> None:
    dirty = dataclasses.replace(dataset, train=Split(dataset.train.x, np.zeros_like(dataset.train.y)))
    with pytest.raises(BadData, match="all labels are 0"):
        fit(build("ds-cnn", (8, 8, 1), 10, NARROW), dirty, BRIEF)


def test_the_teacher_s_outputs_are_those_of_every_view(folder: Path, dataset: DataSet, teacher: Checkpoint) -> None:
    heard = recorded(folder / "outputs", dataset, BRIEF)
    assert heard.logits.shape == (2, len(dataset.train), 10) and isinstance(heard.logits, np.memmap)
    assert np.allclose(heard.logits[1], logits(teacher.net, view(dataset, 1, SEEN)).numpy(), atol=1e-5)


def test_outputs_of_other_data_or_other_views_are_refused(folder: Path, dataset: DataSet) -> None:
    other = read_data("digits", seed=1)
    with pytest.raises(BadInput, match="the teacher's outputs are of other data: 1259 samples"):
        recorded(folder / "outputs", other, BRIEF)
    changes: list[dict[str, Any]] = [{"views": 3}, {"shift": 2}, {"noise": 0.1}, {"flip": True}]
    for change in changes:
        ((name, value),) = change.items()
        with pytest.raises(BadInput, match=f"made with {name} .*, but the student sees {name} {value}; give"):
            recorded(folder / "outputs", dataset, dataclasses.replace(BRIEF, **change))
    with pytest.raises(BadInput, match="not a teacher's outputs"):
        recorded(folder / "data", dataset, BRIEF)


def test_a_teacher_of_other_samples_is_refused(teacher: Checkpoint) -> None:
    with pytest.raises(BadInput, match=r"teacher 'residual': it takes \(8, 8, 1\) uint8 to tell 10 labels apart"):
        net_teacher(teacher, read_data("mnist-5k", seed=0))


def test_a_student_that_hears_only_its_teacher_comes_close_to_it(folder: Path, dataset: DataSet) -> None:
    heard = Guidance([recorded(folder / "outputs", dataset, BRIEF)], Guiding(temperature=2.0, alpha=1.0))
    silent = dataclasses.replace(dataset, train=Split(dataset.train.x, np.arange(len(dataset.train)) % 10))
    student = trained("residual", {"widths": (8, 16)}, silent, BRIEF, heard)
    assert student.about.history[-1].validation > 50  # the labels it was given are noise


def made(folder: Path, name: str) -> Artifact:
    kinds: Any = {"data": "dataset", "teacher.safetensors": "checkpoint", "outputs": "teacher-outputs"}
    return Artifact(folder / name, kinds[name], digest(folder / name))


def test_the_stages_are_options_and_one_call_each(folder: Path, tmp_path: Path) -> None:
    data, source, outputs = (made(folder, name) for name in ("data", "teacher.safetensors", "outputs"))
    shared: dict[str, Any] = {"epochs": 1, "views": 2, "shift": 1}
    stages: list[tuple[Stage, dict[str, Artifact]]] = [
        (Train(model="ds-cnn", options=NARROW, **shared), {"data": data}),
        (Distill(model="ds-cnn", options=NARROW, **shared), {"data": data, "teacher": outputs}),
        (Prune(ratio=0.5, round_to=4, **shared), {"source": source, "data": data}),
        (Prune(ratio=0.5, round_to=4, **shared), {"source": source, "data": data, "teacher": outputs}),
    ]
    found = set()
    for stage, inputs in stages:
        stage.write(inputs, tmp_path / "out.safetensors")
        assert len(read_about(tmp_path / "out.safetensors").history) == 1
        found.add(digest(tmp_path / "out.safetensors"))
    assert len(found) == 4
    Teach(views=2, shift=1).write({"source": source, "data": data}, tmp_path / "outputs")
    assert digest(tmp_path / "outputs") == outputs.sha256


@pytest.mark.parametrize(
    ("stage", "options", "message"),
    [
        (Train, {"model": "ds-cnn", "epochs": 0}, "epochs is 0; it must be at least 1"),
        (Train, {"model": "ds-cnn", "batch": 1}, "batch is 1; it must be at least 2"),
        (Train, {"model": "ds-cnn", "learning_rate": 0.0}, "learning_rate is 0.0; it must be above 0"),
        (Train, {"model": "ds-cnn", "weight_decay": float("nan")}, "weight_decay is nan; it must be at least 0"),
        (Train, {"model": "ds-cnn", "threads": 0}, "threads is 0; it must be at least 1"),
        (Teach, {"views": 0}, "views is 0; it must be at least 1"),
        (Distill, {"model": "ds-cnn", "temperature": 0.0}, "temperature is 0.0; it must be at least 0.001"),
        (
            Distill,
            {"model": "ds-cnn", "alpha": 1.5},
            "alpha is 1.5; it is the teacher's share of the loss, from 0 to 1",
        ),
        (Prune, {"ratio": 1.0}, "ratio is 1.0; it is the share of channels to remove, above 0 and below 1"),
        (Prune, {"round_to": 0}, "round_to is 0; it must be at least 1"),
        (PrepareData, {"name": "digits", "seed": -1}, "seed is -1; it must not be negative"),
    ],
)
def test_an_option_out_of_its_range_is_named(stage: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stage(**options)
