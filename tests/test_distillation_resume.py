"""A training that is killed goes on from its last epochs and ends with the weights of one that nobody disturbed."""

import dataclasses
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from edgestill.pipeline.artifact import Artifact
from edgestill.pipeline.distillation import course
from edgestill.pipeline.distillation.kept_state import State, read_state, write_state
from edgestill.pipeline.errors import BadArtifact, BadInput
from edgestill.pipeline.keeping.entry import seconds_of
from edgestill.pipeline.progress import listening
from edgestill.pipeline.stages.distill import Distill
from edgestill.pipeline.stages.fine_tune import FineTune
from edgestill.pipeline.stages.prepare_data import PrepareData
from edgestill.pipeline.stages.prune import Prune
from edgestill.pipeline.stages.stage import Stage
from edgestill.pipeline.stages.teach import Teach
from edgestill.pipeline.stages.train import Train
from edgestill.pipeline.store import Store

torch.set_num_threads(1)
HOW: dict[str, Any] = {"learning_rate": 0.02, "views": 2, "shift": 1}
NET: dict[str, Any] = {"width": 8, "depth": 1, "dropout": 0.1}
METHODS: tuple[Mapping[str, Any], ...] = ({"name": "soft-targets"}, {"name": "mutual"}, {"name": "mean-teacher"})
TAUGHT = Distill(model="ds-cnn", options=NET, epochs=6, patience=3, methods=METHODS, balance="uncertainty", **HOW)
STAGES: Mapping[str, Stage] = {
    "distill": TAUGHT,
    "train": Train(model="ds-cnn", options=NET, epochs=4, optimizer="sgd", schedule="cosine", clip_norm=1.0, **HOW),
    "prune": Prune(epochs=4, ratio=0.5, round_to=4, optimizer="rmsprop", mixup=0.2, **HOW),
    "fine-tune": FineTune(epochs=4, schedule="step", milestones=(2,), dtype="bfloat16", **HOW),
}
CHILD = """
import sys
from pathlib import Path
import test_distillation_resume as case
from edgestill.pipeline.distillation import course
from edgestill.pipeline.progress import listening
from edgestill.pipeline.store import Store

course.SECONDS, course.SHARE = 0.0, float("inf")
store = Store(Path(sys.argv[1]))
inputs = case.made(store)
with listening(case.Tells()):
    print(store.make(case.TAUGHT, case.of(case.TAUGHT, inputs)).artifact.sha256)
"""


def made(store: Store) -> dict[str, Artifact]:
    """Everything that a stage which trains may take."""
    data = store.make(PrepareData("digits"), {}).artifact
    teacher = store.make(Train(model="residual", options={"widths": [8]}, epochs=1, **HOW), {"data": data}).artifact
    told = store.make(Teach(views=2, shift=1), {"source": teacher, "data": data}).artifact
    source = store.make(Train(model="ds-cnn", options=NET, epochs=1, **HOW), {"data": data}).artifact
    return {"data": data, "teacher": told, "source": source}


def of(stage: Stage, inputs: Mapping[str, Artifact]) -> dict[str, Artifact]:
    return {name: artifact for name, artifact in inputs.items() if name in stage.takes}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    return made(Store(tmp_path_factory.mktemp("inputs")))


@pytest.fixture(scope="module")
def undisturbed(inputs: dict[str, Artifact], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each stage gives where nothing is kept between epochs."""
    store = Store(tmp_path_factory.mktemp("undisturbed"))
    return {name: store.make(stage, of(stage, inputs)).artifact.sha256 for name, stage in STAGES.items()}


@pytest.fixture
def every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each epoch's end is kept."""
    monkeypatch.setattr(course, "SECONDS", 0.0)
    monkeypatch.setattr(course, "SHARE", float("inf"))


class Stops:
    """A listener that ends a training at a step, and remembers from which one it went on and what it was told."""

    def __init__(self, at: int) -> None:
        self.at, self.first, self.said = at, -1, list[str]()

    def advance(self, done: int, total: int, note: str) -> None:
        self.first = done if self.first < 0 else self.first
        if done == self.at:
            raise KeyboardInterrupt

    def say(self, text: str) -> None:
        self.said.append(text)


def stopped(store: Store, stage: Stage, inputs: Mapping[str, Artifact], at: int) -> Stops:
    """The stage, ended at that step, and what was heard of it."""
    ear = Stops(at)
    with pytest.raises(KeyboardInterrupt), listening(ear):
        store.make(stage, of(stage, inputs))
    return ear


def gone_on(store: Store, stage: Stage, inputs: Mapping[str, Artifact]) -> tuple[str, Stops]:
    """The digest of what the stage gives in the end, and what was heard of it."""
    ear = Stops(-1)
    with listening(ear):
        return store.make(stage, of(stage, inputs)).artifact.sha256, ear


def kept_in(store: Store) -> Iterator[Path]:
    return store.root.glob("resume/*/*.safetensors")


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.usefixtures("every_epoch")
def test_stopped_twice_a_training_ends_with_the_same_weights(
    name: str, inputs: dict[str, Artifact], undisturbed: dict[str, str], tmp_path: Path
) -> None:
    store, stage = Store(tmp_path), STAGES[name]
    assert stopped(store, stage, inputs, at=30).first == 0
    assert len(list(kept_in(store))) == 1
    again = stopped(store, stage, inputs, at=45)
    assert again.first == 19 and again.said == ["the training goes on after epoch 1"]
    sha256, ear = gone_on(store, stage, inputs)
    assert ear.first == 38 and sha256 == undisturbed[name]
    assert not list(store.root.glob("resume/*"))


@pytest.mark.usefixtures("every_epoch")
def test_what_a_training_took_before_it_was_stopped_counts(inputs: dict[str, Artifact], tmp_path: Path) -> None:
    store, stage = Store(tmp_path), STAGES["train"]
    stopped(store, stage, inputs, at=45)
    (path,) = kept_in(store)
    state = read_state(path)
    assert state is not None and state.facts["seconds"] > 0
    write_state(path, dataclasses.replace(state, facts={**state.facts, "seconds": 1000.0}))
    found = store.make(stage, of(stage, inputs))
    assert 1000 < found.seconds < 2000 and seconds_of(found.artifact) == found.seconds


@pytest.mark.usefixtures("every_epoch")
def test_a_damaged_state_is_told_and_the_training_begins_anew(
    inputs: dict[str, Artifact], undisturbed: dict[str, str], tmp_path: Path
) -> None:
    store = Store(tmp_path)
    stopped(store, STAGES["train"], inputs, at=45)
    (state,) = kept_in(store)
    raw = bytearray(state.read_bytes())
    raw[-100] ^= 1
    state.write_bytes(raw)
    sha256, ear = gone_on(store, STAGES["train"], inputs)
    assert ear.first == 0 and "damaged" in ear.said[0] and ear.said[0].endswith("the training begins anew")
    assert sha256 == undisturbed["train"]


@pytest.mark.usefixtures("every_epoch")
def test_the_state_of_another_training_is_not_taken_up(
    inputs: dict[str, Artifact], undisturbed: dict[str, str], tmp_path: Path
) -> None:
    store, stage = Store(tmp_path), STAGES["train"]
    other = dataclasses.replace(TAUGHT, seed=1)
    stopped(store, other, inputs, at=45)
    stopped(store, stage, inputs, at=10)
    (state,) = kept_in(store)
    (tmp_path / "resume" / "here").mkdir()
    state.rename(tmp_path / "resume" / "here" / state.name)
    sha256, ear = gone_on(store, stage, inputs)
    assert ear.first == 0 and sha256 == undisturbed["train"]


@pytest.mark.usefixtures("every_epoch")
def test_a_training_that_fails_keeps_what_it_had(inputs: dict[str, Artifact], tmp_path: Path) -> None:
    store, wild = Store(tmp_path), dataclasses.replace(STAGES["train"], learning_rate=1e30, clip_norm=0.0)  # type: ignore[type-var]
    with pytest.raises(BadInput, match="the loss is"):
        store.make(wild, of(wild, inputs))
    assert not list((tmp_path / "partial").iterdir())


def test_a_short_training_keeps_no_state(inputs: dict[str, Artifact], tmp_path: Path) -> None:
    store = Store(tmp_path)
    stopped(store, STAGES["train"], inputs, at=45)
    assert not list(kept_in(store))


@pytest.mark.usefixtures("every_epoch")
def test_a_training_that_finds_no_room_for_its_state_goes_on_without(
    inputs: dict[str, Artifact], undisturbed: dict[str, str], tmp_path: Path
) -> None:
    store, stage = Store(tmp_path), STAGES["train"]
    usual, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, most))  # of 4 KB and 12: one stays below, the other not
    try:
        found = store.make(stage, of(stage, inputs)).artifact
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (usual, most))
    assert found.sha256 == undisturbed["train"]


def test_a_state_that_finds_no_room_leaves_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "there.safetensors"
    file.mkdir()  # the last step fails, when all is written
    with pytest.raises(OSError):
        write_state(file, State({"a": torch.ones(100)}, {"x": 1}))
    assert [left.name for left in tmp_path.iterdir()] == [file.name]


def test_half_a_training_stays_until_it_is_old_or_finished(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (tmp_path / "locks").mkdir()
    fresh, old, finished = (tmp_path / "resume" / name for name in ("aa1", "aa2", "aa3"))
    for folder in (fresh, old, finished):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    (tmp_path / "entries" / "aa" / "aa3").mkdir(parents=True)
    store.sweep()
    assert fresh.exists() and not old.exists() and not finished.exists()
    store.sweep(unfinished=True)
    assert not fresh.exists()


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    lying = torch.arange(24.0).reshape(1, 2, 3, 4).contiguous(memory_format=torch.channels_last)
    state = State({"a": lying, "b": torch.tensor(3), "c": torch.zeros(0), "d": lying}, {"x": [0.1, float("inf")]})
    write_state(tmp_path / "folder" / "state.safetensors", state)
    found = read_state(tmp_path / "folder" / "state.safetensors")
    assert found is not None and found.facts == state.facts and found.seal() == state.seal()
    assert all(torch.equal(found.tensors[name], values) for name, values in state.tensors.items())
    assert [file.name for file in (tmp_path / "folder").iterdir()] == ["state.safetensors"]


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.999])
def test_a_state_cut_off_anywhere_is_damaged(share: float, tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    write_state(path, State({"a": torch.ones(100)}, {"x": 1}))
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * share)])
    with pytest.raises(BadArtifact, match="damaged"):
        read_state(path)


class Tells:
    """A listener that prints the step."""

    def advance(self, done: int, total: int, note: str) -> None:
        print(done, flush=True)

    def say(self, text: str) -> None: ...


def child(store: Path) -> "subprocess.Popen[str]":
    """The training in a process of its own, which keeps every epoch and prints every step."""
    command = [sys.executable, "-c", CHILD, str(store)]
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    return subprocess.Popen(command, env=variables, text=True, stdout=subprocess.PIPE)


def ended(store: Path) -> tuple[int, str]:
    """From which step it went on, and the digest that it ended with."""
    with child(store) as process:
        lines = process.communicate()[0].split()
        return int(lines[0]), lines[-1]


def killed_after(steps: int, seconds: float, store: Path) -> None:
    """The training, killed so long after it has taken so many steps more, unless it has ended before."""
    with child(store) as process:
        assert process.stdout is not None
        for _ in range(steps):
            process.stdout.readline()
        time.sleep(seconds)
        process.kill()


def killed_and_gone_on(store: Path, dice: random.Random) -> tuple[int, str]:
    """The training, killed twice at random moments, then left alone."""
    for _ in range(2):
        killed_after(dice.randint(1, 50), dice.uniform(0.0, 0.02), store)
    return ended(store)


def test_killed_by_the_system_a_training_ends_with_the_same_weights(
    undisturbed: dict[str, str], tmp_path: Path
) -> None:
    killed_after(25, 0.0, tmp_path)
    first, sha256 = ended(tmp_path)
    assert first >= 19 and sha256 == undisturbed["distill"]


@pytest.mark.nightly
def test_killed_at_many_moments_every_training_ends_with_the_same_weights(
    undisturbed: dict[str, str], tmp_path: Path
) -> None:
    dice = random.Random(7)
    found = [killed_and_gone_on(tmp_path / str(number), dice) for number in range(12)]
    assert {sha256 for _, sha256 in found} == {undisturbed["distill"]}
    assert any(first for first, _ in found)
