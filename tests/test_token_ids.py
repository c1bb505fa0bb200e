"""A net that reads token ids, from torch to INT8 files that compute the same; its ids stay int32 on all of the way."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgestill.__main__ import main
from edgestill.pipeline.errors import BadData, Unsupported
from edgestill.pipeline.graph.execute import run_integer
from edgestill.pipeline.graph.from_onnx import from_onnx
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import Graph
from edgestill.pipeline.graph.read import read_graph
from edgestill.pipeline.graph.to_onnx import to_onnx
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.pipeline.models.catalog import build
from edgestill.pipeline.models.checkpoint import About, Checkpoint, save_checkpoint
from edgestill.pipeline.models.export import export_onnx
from edgestill.pipeline.own_code import factories_in
from edgestill.pipeline.preprocess import Preprocess
from edgestill.pipeline.quantization.calibrate import calibrate
from edgestill.pipeline.quantization.error_report import error_report
from edgestill.pipeline.quantization.quantize import quantize
from edgestill.pipeline.runtimes.parity import compare
from edgestill.pipeline.runtimes.runtime import run
from edgestill.pipeline.runtimes.samples import infer
from edgestill.pipeline.task import Task

ROWS, LENGTH = 4096, 40
IDS: NDArray[np.int32] = np.random.default_rng(0).integers(0, ROWS, (64, LENGTH)).astype(np.int32)
WORDS = """import torch
from torch import nn

class Words(nn.Module):
    def __init__(self, classes):
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(4096, 16)
        self.convs = nn.Sequential(
            nn.Conv1d(16, 32, 3, padding=1), nn.ReLU(), nn.Conv1d(32, 32, 3, stride=2, padding=1), nn.ReLU()
        )
        self.dense = nn.Linear(32, classes)

    def forward(self, ids):
        return self.dense(self.convs(self.table(ids).transpose(1, 2)).mean(2))

def net(shape, classes):
    return Words(classes)
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The float file that the export stage makes of a user's own net."""
    folder = tmp_path_factory.mktemp("words")
    (folder / "words.py").write_text(WORDS)
    preprocess = Preprocess((LENGTH,), dtype="int32")
    about = About("words:net", {}, Task("classify", ("ham", "spam", "eggs")), preprocess, seed=0)
    with factories_in(folder):
        save_checkpoint(folder / "net.safetensors", Checkpoint(build("words:net", (LENGTH,), 3, {}).eval(), about))
        export_onnx(folder / "net.safetensors", folder / "net.onnx")
    return folder / "net.onnx"


@pytest.fixture(scope="module")
def graph(exported: Path) -> Graph:
    return read_graph(exported)


@pytest.fixture(scope="module")
def integer(graph: Graph) -> Graph:
    return quantize(graph, calibrate(graph, [IDS[:32], IDS[32:]]), IDS)


def test_ids_are_gathered_at_once_and_nothing_is_turned(graph: Graph, exported: Path) -> None:
    assert [node.kind for node in graph.nodes] == [
        *("Reshape", "Gather", "Conv2d", "Pad", "Conv2d", "Mean", "FullyConnected")
    ]
    assert graph.takes_ids() and graph.vocabulary() == ROWS
    assert onnx.load(exported).graph.input[0].type.tensor_type.elem_type == TensorProto.INT32


def test_the_integer_graph_takes_ids_as_they_are_and_is_otherwise_int8(integer: Graph) -> None:
    ids = integer.tensors[integer.inputs[0]]
    assert (ids.dtype, ids.quantization, ids.shape) == ("int32", None, (1, LENGTH))
    gather = next(node for node in integer.nodes if node.kind == "Gather")
    table, found = integer.tensors[gather.inputs[0]], integer.tensors[gather.outputs[0]]
    assert table.dtype == found.dtype == "int8" and table.quantization == found.quantization
    assert integer.is_integer()


def test_both_files_hold_the_same_integers_and_compute_what_the_net_does(
    integer: Graph, exported: Path, tmp_path: Path
) -> None:
    tflite, qdq = tmp_path / "net.tflite", tmp_path / "net.onnx"
    tflite.write_bytes(to_tflite(integer))
    qdq.write_bytes(to_onnx(integer))
    assert from_tflite(tflite.read_bytes()) == from_onnx(qdq.read_bytes()) == integer
    for samples in (IDS[:16], None):
        assert compare(tflite, qdq, samples).passed
    end = compare(exported, tflite, IDS).end_to_end
    assert end is not None and end.sqnr_db > 30
    assert np.array_equal(run(tflite, [IDS], "tflite-micro").outputs[0], run_integer(integer, [IDS])[0])


def test_bench_tells_the_arena_of_a_file_that_takes_ids(
    integer: Graph, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.tflite").write_bytes(to_tflite(integer))
    assert main(["bench", str(tmp_path / "net.tflite"), "--runs", "5", "--seconds", "0.1", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["results"]
    assert row["ram_bytes"]["tflm_arena"]["total"] > LENGTH * 4


def test_the_float_files_of_both_formats_agree(graph: Graph, exported: Path, tmp_path: Path) -> None:
    twin = tmp_path / "net.tflite"
    twin.write_bytes(to_tflite(graph))
    assert compare(exported, twin, None).passed
    assert from_tflite(to_tflite(graph)) == graph


def test_the_error_of_every_layer_is_told_but_not_of_ids(graph: Graph, integer: Graph) -> None:
    rows = error_report(graph, integer, IDS)
    assert [row.kind for row in rows][:3] == ["Input", "Reshape", "Gather"]
    assert all(np.isinf(row.sqnr_db) == (row.kind in ("Input", "Reshape")) for row in rows)


def test_quantize_takes_integers_of_any_type(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "x.npz"
    np.savez(data, x=IDS.astype(np.int64))
    assert main(["quantize", str(exported), "--data", str(data), "--out", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["between_files"]["passed"] and len(found["files"]) == 3
    assert main(["verify", *(file["path"] for file in found["files"][1:]), "--data", str(data)]) == 0


def test_reals_and_ids_that_no_row_answers_are_refused(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "x.npz"
    for x, words in (
        (IDS.astype(np.float32), "the model takes token ids"),
        (IDS - 1, "expected ids from 0"),
        (IDS + 1, f"; the model's table has rows 0 to {ROWS - 1}"),
    ):
        np.savez(data, x=x)
        assert main(["quantize", str(exported), "--data", str(data), "--out", str(tmp_path / "out")]) == 2
        assert words in capsys.readouterr().err
    with pytest.raises(BadData, match="token ids go from"):
        infer(exported, IDS + 1)


def bag(*extra: onnx.NodeProto, kind: int = TensorProto.INT64, width: int = 3) -> bytes:
    """The mean of the embeddings of five ids, after these nodes, which may make ids `i` of the input `x`."""
    nodes = [
        *(extra or (helper.make_node("Identity", ["x"], ["i"]),)),
        helper.make_node("Gather", ["table", "i"], ["e"]),
        helper.make_node("ReduceMean", ["e"], ["y"], axes=[1], keepdims=0),
    ]
    table = np.random.default_rng(0).standard_normal((9, width), np.float32)
    given = helper.make_graph(
        nodes,
        "bag",
        [helper.make_tensor_value_info("x", kind, ["n", 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", width])],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array(0, np.int64), "zero")],
    )
    data: bytes = helper.make_model(
        given, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()
    return data


def test_ids_of_64_bits_and_a_cast_of_them_are_ids(tmp_path: Path) -> None:
    cast = helper.make_node("Cast", ["x"], ["i"], to=TensorProto.INT64)
    graphs = [from_onnx(bag()), from_onnx(bag(kind=TensorProto.INT32)), from_onnx(bag(cast, kind=TensorProto.INT32))]
    assert graphs[0] == graphs[1] == graphs[2]
    first, second = tmp_path / "bag.onnx", tmp_path / "bag.tflite"
    first.write_bytes(bag())
    second.write_bytes(to_tflite(graphs[0]))
    assert compare(first, second, None).passed


@pytest.mark.parametrize(
    ("node", "code", "words"),
    [
        (helper.make_node("Add", ["x", "x"], ["i"]), "O-IDS", "computes with token ids, 'x'"),
        (helper.make_node("Cast", ["x"], ["i"], to=TensorProto.FLOAT), "O-ATTRIBUTE", "casts int32 to float32"),
        (helper.make_node("Equal", ["x", "zero"], ["i"]), "O-DYNAMIC", "values that depend on the input"),
    ],
)
def test_arithmetic_on_ids_is_refused_by_name(node: onnx.NodeProto, code: str, words: str) -> None:
    with pytest.raises(Unsupported, match=f"{code}.*{words}"):
        from_onnx(bag(node))


def test_a_choice_by_reals_is_refused() -> None:
    with pytest.raises(Unsupported, match="O-IDS.*gathers by indices that are computed"):
        from_onnx(bag(kind=TensorProto.FLOAT))
