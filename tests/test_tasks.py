"""Tasks other than labels go the whole way: a recipe, its files, its report and page, and the commands on the files."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgestill.__main__ import main
from edgestill.benchmarks.report.document import Report, read_report
from edgestill.pipeline.data.synthetic_machine import SyntheticMachine
from edgestill.pipeline.data.travelling import travelling
from edgestill.pipeline.graph.read import read_graph
from edgestill.pipeline.runtimes.samples import infer

STROKES = '''
import numpy as np

def strokes():
    """Pictures of a bar through the middle; twice its angle as sine and cosine, in tenths."""
    random = np.random.default_rng(0)
    angle = random.uniform(0, np.pi, 400)
    along = np.linspace(-3.4, 3.4, 15)
    x = random.normal(0, 0.05, (400, 8, 8, 1))
    for row, turned in enumerate(angle):
        down, right = (np.rint(3.5 + along * part).astype(int) for part in (np.sin(turned), np.cos(turned)))
        x[row, down, right] += 1
    return x, 10 * np.stack([np.sin(2 * angle), np.cos(2 * angle)], axis=1)
'''
REGRESS = """
task = "regress"
seeds = 2

[data]
name = "factory"
function = "strokes:strokes"
labels = ["sine", "cosine"]
unit = "tenths"

[training]
views = 1
epochs = 6
batch = 16

[teacher]
model = "residual"
options = { widths = [16, 32] }

[student]
model = "ds-cnn"
options = { width = 16, depth = 1 }

[[stage]]
stage = "distill"

[[stage]]
stage = "quantize"

[measure]
runs = 5
warmup = 1
seconds = 0.1
"""
RECONSTRUCT = """
task = "reconstruct"

[data]
name = "synthetic-machine"
samples = 400

[training]
views = 1
shift = 0
epochs = 8
batch = 16

[teacher]
model = "dense-autoencoder"
options = { width = 32, depth = 1, code = 6 }

[student]
model = "dense-autoencoder"
options = { width = 16, depth = 2, code = 6 }

[[stage]]
stage = "distill"

[[stage]]
stage = "prune"
ratio = 0.5
round_to = 2

[[stage]]
stage = "quantize"

[measure]
runs = 5
warmup = 1
seconds = 0.1
"""


@dataclass(frozen=True)
class Ran:
    """A recipe that was run: where, and what its report says."""

    out: Path
    report: Report

    @property
    def document(self) -> Any:
        return json.loads((self.out / "report.json").read_text())

    @property
    def page(self) -> str:
        return (self.out / "report.html").read_text()


def ran(folder: Path, recipe: str, **modules: str) -> Ran:
    (folder / "recipe.toml").write_text(recipe)
    for name, source in modules.items():
        (folder / f"{name}.py").write_text(source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGESTILL_STORE", str(folder / "store"))
        assert main(["run", str(folder / "recipe.toml"), "--out", str(folder / "out")]) == 0
    return Ran(folder / "out", read_report(folder / "out" / "report.json"))


@pytest.fixture(scope="module")
def strokes(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return ran(tmp_path_factory.mktemp("regress"), REGRESS, strokes=STROKES)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return ran(tmp_path_factory.mktemp("reconstruct"), RECONSTRUCT)


def test_values_are_learned_and_their_error_is_told_in_their_unit(strokes: Ran) -> None:
    metrics = {(row.metric.name, row.metric.unit, row.metric.better) for row in strokes.report.variants}
    assert metrics == {("mean absolute error", "tenths", "lower")}
    guessing = 10 * 2 / np.pi  # the mean absolute value of ten times a sine
    assert all(max(row.test) < guessing / 2 for row in strokes.report.variants)
    assert strokes.report.parity[0].passed and strokes.report.parity[0].agreement is None


def test_the_page_of_values_shows_them_against_what_is_true(strokes: Ran) -> None:
    found = strokes.report.scatter
    assert found and (found.file, found.labels, found.unit) == ("model.int8.tflite", ("sine", "cosine"), "tenths")
    assert len(found.true[0]) == len(found.told[1]) == 80 and strokes.report.confusion is None
    assert "Predicted against true" in strokes.page and "less is better" in strokes.page
    assert "same label" not in strokes.page and "Mistakes" not in strokes.page


def test_what_int8_changed_is_told_with_both_intervals(strokes: Ran) -> None:
    (change,) = strokes.document["derived"]["changes"]
    assert (change["variant"], change["source"], change["samples"]) == ("+ int8", "distilled", 80)
    for interval in (change["over_seeds"], change["over_samples"]):
        assert interval["low"] <= interval["estimate"] <= interval["high"]


def test_an_autoencoder_learns_what_is_normal_and_is_pruned_and_quantized(machine: Ran) -> None:
    assert [row.name for row in machine.report.variants][-2:] == ["+ pruned", "+ int8"]
    assert all(row.metric.name == "ROC AUC" and min(row.test) > 70 for row in machine.report.variants)
    graph = read_graph(machine.out / "model.int8.tflite")
    assert {tensor.dtype for tensor in graph.tensors.values()} <= {"int8", "int32"}
    assert graph.tensors[graph.outputs[0]].shape == (1, 128)
    task = travelling(read_graph(machine.out / "model.onnx").metadata, "model").task
    assert task is not None and task.kind == "reconstruct"


def test_the_page_of_anomalies_shows_normal_against_anomalous(machine: Ran) -> None:
    assert "Normal against anomalous" in machine.page and "Mistakes" not in machine.page
    last = machine.report.variants[-1].judged
    assert last and last.anomalous is not None and sum(last.anomalous) == len(last.values) // 2 == 100


@pytest.fixture(scope="module")
def spectra(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Spectra of another machine, as a model is fed them, in an .npz."""
    dataset = SyntheticMachine(samples=400).read(1)
    path = tmp_path_factory.mktemp("spectra") / "spectra.npz"
    np.savez(path, x=dataset.about.preprocess.apply(dataset.test.x), y=dataset.test.y)
    return str(path)


def test_the_files_of_a_reconstruction_agree(machine: Ran, spectra: str) -> None:
    names = ("model.onnx", "model.tflite", "model.int8.tflite")
    assert main(["verify", *(str(machine.out / name) for name in names), "--data", spectra]) == 0


def quantized(model: Path, data: str, out: Path, capsys: pytest.CaptureFixture[str], drop: str = "5") -> Any:
    """The answer of `quantize --json`, and its exit code."""
    code = main(["quantize", str(model), "--data", data, "--out", str(out), "--max-drop", drop, "--json"])
    told = capsys.readouterr()
    return code, json.loads(told.out) if told.out else told.err


def test_a_reconstruction_is_quantized_by_how_well_it_tells_samples_apart(
    machine: Ran, spectra: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = quantized(machine.out / "model.onnx", spectra, tmp_path, capsys)
    assert code == 0 and found["metric"]["name"] == "ROC AUC" and found["accuracy_float"] is None
    assert found["drop"] == pytest.approx(found["score_float"] - found["score_int8"])


def test_a_gate_on_anomalies_needs_some(machine: Ran, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = np.random.default_rng(0).standard_normal((60, 128)).astype(np.float32)
    np.savez(tmp_path / "normal.npz", x=x, y=np.zeros(60, np.int64))
    code, said = quantized(machine.out / "model.onnx", str(tmp_path / "normal.npz"), tmp_path / "out", capsys)
    assert code == 2 and "--max-drop needs normal and anomalous samples" in said


def test_values_are_quantized_by_their_error_which_may_only_grow_so_far(
    strokes: Ran, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = strokes.out / "model.onnx"
    x = np.random.default_rng(0).uniform(0, 1, (64, 8, 8, 1)).astype(np.float32)
    true = infer(model, x).astype(np.float64)  # as if the float model were always right
    np.savez(tmp_path / "right.npz", x=x, y=true)
    code, found = quantized(model, str(tmp_path / "right.npz"), tmp_path / "out", capsys, drop="0")
    assert code == 1 and found["score_float"] == pytest.approx(0, abs=1e-5) and found["drop"] == found["score_int8"]
    assert "mean absolute error grows by" in found["gate"] and "tenths" in found["gate"]
    np.savez(tmp_path / "labels.npz", x=x, y=np.zeros(64, np.int64))
    code, said = quantized(model, str(tmp_path / "labels.npz"), tmp_path / "out", capsys)
    assert code == 2 and "y holds whole numbers, but model.onnx is made to regress" in said


def test_a_recipe_for_another_task_than_its_data_s_is_refused_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGESTILL_STORE", str(tmp_path / "store"))
    (tmp_path / "recipe.toml").write_text(RECONSTRUCT.replace('task = "reconstruct"', 'task = "classify"'))
    assert main(["run", str(tmp_path / "recipe.toml"), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "task is 'classify', but the data" in said and 'write task = "reconstruct"' in said
