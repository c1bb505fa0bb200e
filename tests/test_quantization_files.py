"""The files that one integer graph is written as: float ends, signed activations, .ort, without metadata."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edgestill.__main__ import main
from edgestill.pipeline.graph.execute import run_integer
from edgestill.pipeline.graph.from_onnx import from_onnx
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import Graph, Node, renumbered
from edgestill.pipeline.graph.operators import Dequantize, Gather, Quantize, Relu, Reshape
from edgestill.pipeline.graph.passes.float_ends import with_float_ends, without_float_ends
from edgestill.pipeline.graph.read import read_graph
from edgestill.pipeline.graph.tensor import Tensor, per_tensor
from edgestill.pipeline.graph.to_onnx import to_onnx
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.pipeline.runtimes import ort_format
from edgestill.pipeline.runtimes.parity import compare
from edgestill.pipeline.runtimes.runtime import arena_bytes, run
from edgestill.tests.test_quantize_file import trained

MLPERF = Path(__file__).parent / "cases" / "mlperf-tiny"
SMALL = MLPERF.parent / "small.toml"
NETS = ("ic_int8", "kws_int8")


def net(name: str) -> Graph:
    return from_tflite((MLPERF / f"{name}.tflite").read_bytes(), name)


def twin(name: str, folder: Path) -> Path:
    path = folder / f"{name}.tflite"
    path.write_bytes(to_tflite(with_float_ends(net(name))))
    return path


def of_token_ids() -> Graph:
    """Three rows by their numbers, side by side."""
    scale = per_tensor(0.5, 3)
    table = Tensor("table", (5, 2), "int8", scale, np.arange(10, dtype=np.int8).reshape(5, 2))
    tensors = [table, Tensor("ids", (1, 1, 3), "int32")]
    tensors += [Tensor(name, shape, "int8", scale) for name, shape in {"rows": (1, 1, 3, 2), "y": (1, 6)}.items()]
    nodes = (Node(Gather(), ("table", "ids"), ("rows",)), Node(Reshape((1, 6)), ("rows",), ("y",)))
    return renumbered(Graph({tensor.name: tensor for tensor in tensors}, nodes, ("ids",), ("y",)))


@pytest.mark.parametrize("make", [*(lambda name=name: net(name) for name in NETS), of_token_ids])
def test_float_ends_are_taken_away_as_they_were_put_there(make: Callable[[], Graph]) -> None:
    graph = renumbered(make())
    ended = with_float_ends(graph)
    assert from_tflite(to_tflite(ended)) == ended
    assert {tensor.dtype for tensor in ended.of([*ended.inputs, *ended.outputs])} <= {"float32", "int32"}
    assert renumbered(without_float_ends(ended)) == graph
    assert without_float_ends(graph) == graph
    assert from_onnx(to_onnx(ended)) == from_onnx(to_onnx(graph))


def test_a_graph_that_is_float_in_the_middle_keeps_its_ends() -> None:
    scale = per_tensor(0.5, 3)
    tensors = [Tensor("a", (1, 4), "int8", scale), *(Tensor(name, (1, 4)) for name in "xby")]
    nodes = (Node(Quantize(), ("x",), ("a",)), Node(Dequantize(), ("a",), ("b",)), Node(Relu(), ("b",), ("y",)))
    graph = Graph({tensor.name: tensor for tensor in tensors}, nodes, ("x",), ("y",))
    assert without_float_ends(graph) is graph


@pytest.mark.parametrize("name", NETS)
def test_a_file_with_float_ends_holds_the_same_integers(name: str, tmp_path: Path) -> None:
    path, graph = twin(name, tmp_path), net(name)
    for first, second in ((MLPERF / f"{name}.tflite", path), (path, MLPERF / f"{name}.tflite")):
        parity = compare(first, second, None)
        assert parity.passed and len(parity.layers) == len(graph.nodes) and parity.end_to_end is not None
        assert all(layer.mismatches == 0 for layer in parity.layers)
    given, returned = (graph.tensors[names[0]].quantization for names in (graph.inputs, graph.outputs))
    assert given is not None and returned is not None
    x = np.random.default_rng(0).integers(-128, 128, (2, *graph.tensors[graph.inputs[0]].shape[1:])).astype(np.int8)
    found = run(path, [given.dequantize(x)], "tflite-micro").outputs[0]
    np.testing.assert_array_equal(found, returned.dequantize(run_integer(graph, [x])[0]))
    assert arena_bytes(path).head == arena_bytes(MLPERF / f"{name}.tflite").head  # its plan goes with it


def test_a_file_with_float_ends_of_other_integers_is_found_out(tmp_path: Path) -> None:
    graph = net("ic_int8")
    weights = graph.tensors[graph.nodes[0].inputs[1]]
    assert weights.data is not None
    changed = replace(weights, data=np.where(weights.data == weights.data.max(), 0, weights.data).astype(np.int8))
    other = tmp_path / "other.tflite"
    other.write_bytes(to_tflite(with_float_ends(replace(graph, tensors={**graph.tensors, weights.name: changed}))))
    parity = compare(MLPERF / "ic_int8.tflite", other, None)
    assert not parity.passed and "weights" in parity.reasons[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `quantize` hands over when everything is asked for."""
    folder = tmp_path_factory.mktemp("made")
    model = trained(folder / "net.onnx", data={"name": "digits", "seed": 3})
    asked = ["--io", "float", "--activations", "int8", "--ort", "--strip", "--out", str(folder / "out")]
    assert main(["quantize", str(model), "--data", "digits", *asked]) == 0
    return folder / "out"


def test_every_file_that_was_asked_for_is_there_and_holds_the_same(made: Path) -> None:
    assert {path.name for path in made.iterdir()} == {
        *("net.float.tflite", "net.int8.tflite", "net.int8.onnx", "net.int8-float-io.tflite", "net.int8.ort")
    }
    integer, ended, qdq = (made / f"net.int8{ending}" for ending in (".tflite", "-float-io.tflite", ".onnx"))
    assert main(["verify", str(integer), str(ended), str(qdq)]) == 0
    assert main(["verify", str(ended), str(qdq), "--data", "digits"]) == 0
    constants = {tensor.name: tensor.data_type for tensor in onnx.load(qdq).graph.initializer}
    points = [constants[node.input[2]] for node in onnx.load(qdq).graph.node if node.op_type == "QuantizeLinear"]
    assert points and set(points) == {onnx.TensorProto.INT8}


def test_stripped_files_carry_nothing_but_the_model(made: Path) -> None:
    for path in made.iterdir():
        assert b"edgestill_" not in path.read_bytes() and b"preprocess" not in path.read_bytes()
        assert path.suffix == ".ort" or not read_graph(path).metadata
    assert read_graph(made.parent / "net.onnx").metadata


@pytest.mark.parametrize("converter", ["onnxruntime.tools.nothing", "nothing.at_all", "onnxruntime.tools"])
def test_without_a_converter_to_ort_nothing_is_lost(
    converter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ort_format, "CONVERTER", converter)
    model = trained(tmp_path / "net.onnx", data={"name": "digits", "seed": 3})
    kept = tmp_path / "net.int8.onnx"
    kept.write_bytes(b"an older one")
    assert main(["quantize", str(model), "--data", "digits", "--ort"]) == 3
    printed = capsys.readouterr().err
    assert converter in printed and "leave --ort out" in printed and "Traceback" not in printed
    assert kept.read_bytes() == b"an older one"
    assert {path.name for path in tmp_path.iterdir()} == {"net.onnx", "net.int8.onnx"}


def test_an_ort_file_is_measured_as_its_onnx_file_is(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    asked = ["--runs", "5", "--seconds", "0.1", "--json"]
    assert main(["bench", str(made / "net.int8.ort"), str(made / "net.int8.onnx"), *asked]) == 0
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["results"]
    assert [row["artifact"]["kind"] for row in rows] == ["ort", "onnx"]
    assert rows[0]["output"]["sha256"] == rows[1]["output"]["sha256"]


def test_a_recipe_hands_over_an_int8_model_with_float_ends(
    whole: Any, edgestill: Callable[..., Any], tmp_path: Path
) -> None:
    shutil.copytree(whole.store, tmp_path / "store")
    recipe = tmp_path / "small.toml"
    recipe.write_text(SMALL.read_text().replace('stage = "quantize"', 'stage = "quantize"\nio = "float"'))
    ended = edgestill(["run", str(recipe), "--out", str(tmp_path / "out")], tmp_path / "store")
    assert ended.returncode == 0, ended.stderr
    graph = read_graph(tmp_path / "out" / "model.int8.tflite")
    assert [node.kind for node in graph.nodes[:: len(graph.nodes) - 1]] == ["Quantize", "Dequantize"]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert all(parity["passed"] for parity in report["parity"])
    assert edgestill(["verify", "out"], tmp_path / "store").returncode == 0


def test_twins_of_an_earlier_run_are_named(edgestill: Callable[..., Any], whole: Any, tmp_path: Path) -> None:
    model = shutil.copy(whole.out / "teacher.onnx", tmp_path)
    command = ["quantize", str(model), "--data", "digits"]
    assert "earlier run" not in edgestill([*command, "--io", "float"], tmp_path / "store").stderr
    again = edgestill(command, tmp_path / "store")
    assert again.returncode == 0
    assert "teacher.int8-float-io.tflite: is of an earlier run" in again.stderr
