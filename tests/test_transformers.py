"""Attention, normalization and GELU, from torch to INT8 files that compute the same, with no float left."""

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from edgestill.pipeline.errors import Unsupported
from edgestill.pipeline.graph.execute import run_float, run_integer
from edgestill.pipeline.graph.from_onnx import from_onnx, lower
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import Graph
from edgestill.pipeline.graph.to_onnx import to_onnx
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.pipeline.models.export import untrained_onnx
from edgestill.pipeline.own_code import factories_in
from edgestill.pipeline.preprocess import Preprocess
from edgestill.pipeline.quantization.calibrate import calibrate
from edgestill.pipeline.quantization.error_report import error_report, sqnr
from edgestill.pipeline.quantization.quantize import quantize
from edgestill.pipeline.runtimes.parity import compare
from edgestill.pipeline.task import Task
from edgestill.tests.single_operator import EXAMPLES, Draw, in_litert, in_tflite_micro

WIDTH, HEADS, LENGTH, ROWS = 16, 2, 12, 50
IDS: NDArray[np.int32] = np.random.default_rng(0).integers(0, ROWS, (48, LENGTH)).astype(np.int32)
torch.set_num_threads(1)


class Block(nn.Module):
    """Attention and two dense layers, each behind a normalization; heads are parted as people part them."""

    def __init__(self, parted: str) -> None:
        super().__init__()
        self.parted = parted
        self.norms = nn.ModuleList([nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)])
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.dense = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def attention(self, x: torch.Tensor) -> torch.Tensor:
        n, length, _ = x.shape
        heads = (n, length, HEADS, WIDTH // HEADS)
        if self.parted == "unbound":
            q, k, v = self.qkv(x).reshape(n, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
            given = ((q @ k.transpose(-1, -2)) / math.sqrt(WIDTH // HEADS)).softmax(-1) @ v
        else:
            q, k, v = (part.view(heads).transpose(1, 2) for part in self.qkv(x).chunk(3, -1))
            given = nn.functional.scaled_dot_product_attention(q, k, v)
        found: torch.Tensor = self.out(given.transpose(1, 2).reshape(n, length, WIDTH))
        return found

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.norms[0](x))
        found: torch.Tensor = x + self.dense(self.norms[1](x))
        return found


class Reader(nn.Module):
    """Embeddings, positions, one block, and four classes."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.table, self.block, self.norm = nn.Embedding(ROWS, WIDTH), block, nn.LayerNorm(WIDTH)
        self.places, self.classes = nn.Parameter(torch.randn(1, LENGTH, WIDTH) / 4), nn.Linear(WIDTH, 4)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.classes(self.norm(self.block(self.table(ids) + self.places)).mean(1))
        return found


def torch_s_own() -> nn.Module:
    return nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)


BLOCKS = {"unbound": lambda: Block("unbound"), "chunked": lambda: Block("chunked"), "torch's own": torch_s_own}


@pytest.fixture(scope="module", params=BLOCKS)
def exported(request: pytest.FixtureRequest) -> tuple[bytes, NDArray[np.float32]]:
    """The float file, and what torch computes."""
    torch.manual_seed(0)
    net, written = Reader(BLOCKS[request.param]()).eval(), io.BytesIO()
    torch.backends.mha.set_fastpath_enabled(False)
    with pytest.warns(), torch.inference_mode():
        torch.onnx.export(
            net,
            (torch.zeros(1, LENGTH, dtype=torch.int32),),
            written,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=17,
            input_names=["input"],
            dynamic_axes={"input": {0: "N"}},
        )
        return written.getvalue(), net(torch.from_numpy(IDS)).numpy()


@pytest.fixture(scope="module")
def graph(exported: tuple[bytes, NDArray[np.float32]]) -> Graph:
    return from_onnx(exported[0])


@pytest.fixture(scope="module")
def integer(graph: Graph) -> Graph:
    return quantize(graph, calibrate(graph, [IDS]), IDS)


def test_the_graph_computes_what_torch_does(graph: Graph, exported: tuple[bytes, NDArray[np.float32]]) -> None:
    np.testing.assert_allclose(run_float(graph, [IDS])[0], exported[1], atol=1e-4)


def test_nothing_is_turned_that_attention_does_not_ask_for(graph: Graph) -> None:
    """Queries, keys and values by heads, and the heads side by side again."""
    assert graph.count()["Transpose"] <= 4 and graph.count()["DepthwiseConv2d"] == 0
    assert graph.count()["FullyConnected"] == 5 and graph.count()["Softmax"] == 1


def test_all_is_integer_and_close_to_float(graph: Graph, integer: Graph) -> None:
    assert integer.is_integer()
    scale = integer.tensors[integer.outputs[0]].quantization
    assert scale is not None
    assert sqnr(scale.dequantize(run_integer(integer, [IDS])[0]), run_float(graph, [IDS])[0]) > 15
    assert {"Sigmoid", "Mul"} <= {row.kind for row in error_report(graph, integer, IDS[:8])}


def test_both_files_hold_the_same_integers_and_agree(integer: Graph, tmp_path: Path) -> None:
    tflite, qdq = tmp_path / "net.tflite", tmp_path / "net.onnx"
    tflite.write_bytes(to_tflite(integer))
    qdq.write_bytes(to_onnx(integer))
    assert from_tflite(tflite.read_bytes()) == from_onnx(qdq.read_bytes()) == integer
    parity = compare(tflite, qdq, IDS[:8])
    assert parity.passed, parity.reasons
    np.testing.assert_array_equal(in_tflite_micro(tflite.read_bytes(), [IDS[:3]]), run_integer(integer, [IDS[:3]])[0])


SERIES = """from torch import nn

class Series(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.dense = nn.Linear(8, classes)

    def forward(self, x):
        return self.dense(self.layer(x.flatten(1, 2).transpose(1, 2)).mean(1))

def net(shape, classes):
    return Series(classes)
"""


def test_torch_s_own_layers_are_exported_in_plain_operators(tmp_path: Path) -> None:
    (tmp_path / "series.py").write_text(SERIES)
    with factories_in(tmp_path):
        data = untrained_onnx("series:net", {}, Task("classify", ("a", "b")), Preprocess((1, 6, 8)))
    assert from_onnx(data).count()["Softmax"] == 1


def model(nodes: list[onnx.NodeProto], shape: tuple[int, ...], **constants: Any) -> bytes:
    given = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *shape])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(values), name) for name, values in constants.items()],
    )
    data: bytes = helper.make_model(
        given, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()
    return data


def noise(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def rows_of(draw: Draw) -> tuple[int, ...]:
    found: tuple[int, ...] = draw(st.sampled_from([(5,), (3, 7), (2, 3, 4)]))
    return found


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data())
def test_a_layer_normalization_normalises(data: st.DataObject) -> None:
    shape, epsilon = rows_of(data.draw), data.draw(st.sampled_from([1e-5, 1e-3, 1.0]))
    gamma, beta = noise(shape[-1]) + 2, noise(shape[-1])
    names = ["x", "gamma", "beta"][: data.draw(st.integers(2, 3))]
    node = helper.make_node("LayerNormalization", names, ["y"], epsilon=epsilon)
    constants = {name: values for name, values in (("gamma", gamma), ("beta", beta)) if name in names}
    graph, values = lower(model([node], shape, **constants))
    x = noise(3, *shape) * 3 + 1
    wanted = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + epsilon) * gamma
    fed = values["x"].as_graph(x, graph.tensors[graph.inputs[0]].shape)
    found = values["y"].as_onnx(run_float(graph, [fed])[0])
    np.testing.assert_allclose(found, wanted + (beta if len(names) > 2 else 0), atol=1e-4)
    integer = quantize(graph, calibrate(graph, [fed]), fed)
    scale = integer.tensors[integer.inputs[0]].quantization
    assert scale is not None
    steps = scale.quantize(fed)
    np.testing.assert_array_equal(in_tflite_micro(to_tflite(integer), [steps]), run_integer(integer, [steps])[0])


def gelu(halved_first: bool) -> list[onnx.NodeProto]:
    order = [("Mul", ["x", "half"], "h"), ("Mul", ["h", "e"], "y")]
    if not halved_first:
        order = [("Mul", ["x", "e"], "h"), ("Mul", ["h", "half"], "y")]
    start = [("Div", ["x", "root"], "d"), ("Erf", ["d"], "a"), ("Add", ["a", "one"], "e")]
    return [helper.make_node(operator, inputs, [output]) for operator, inputs, output in [*start, *order]]


CONSTANTS = {"half": np.float32(0.5), "one": np.float32(1), "root": np.float32(math.sqrt(2))}


@pytest.mark.parametrize("halved_first", [True, False])
def test_a_gelu_by_an_error_function_is_one_operator(halved_first: bool) -> None:
    graph = from_onnx(model(gelu(halved_first), (40,), **CONSTANTS))
    assert [node.kind for node in graph.nodes] == ["Gelu"]
    x = (noise(3, 40) * 3).astype(np.float32)
    wanted = nn.functional.gelu(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(run_float(graph, [x])[0], wanted, atol=1e-6)
    np.testing.assert_allclose(in_litert(to_tflite(graph), [x]), wanted, atol=1e-5)


def test_a_gelu_alone_is_its_logistic_form_within_what_that_form_is_off() -> None:
    graph = from_onnx(model(gelu(False), (40,), **CONSTANTS))
    x = (noise(30, 40) * 3).astype(np.float32)
    integer = quantize(graph, calibrate(graph, [x]), x)
    assert [node.kind for node in integer.nodes] == ["Mul", "Sigmoid", "Mul"]
    given, taken = (integer.tensors[names[0]].quantization for names in (integer.inputs, integer.outputs))
    assert given is not None and taken is not None
    found = taken.dequantize(run_integer(integer, [given.quantize(x)])[0])
    assert np.abs(found - run_float(graph, [x])[0]).max() < 0.021 + 4 * taken.per_tensor_scale


def test_an_error_function_of_anything_else_is_refused() -> None:
    with pytest.raises(Unsupported, match="O-OP-UNKNOWN.*Erf"):
        from_onnx(model([helper.make_node("Erf", ["x"], ["y"])], (4,)))


def test_matrices_that_do_not_meet_are_refused() -> None:
    nodes = [helper.make_node("Transpose", ["x"], ["t"], perm=[0, 2, 1]), helper.make_node("MatMul", ["t", "t"], ["y"])]
    with pytest.raises(Unsupported, match=r"O-SHAPE.*multiplies \(1, 4, 3\) by \(1, 4, 3\)"):
        from_onnx(model(nodes, (3, 4)))


def test_normalizing_more_than_the_last_axis_is_refused() -> None:
    node = helper.make_node("LayerNormalization", ["x", "g"], ["y"], axis=1)
    with pytest.raises(Unsupported, match="O-ATTRIBUTE.*the last axis alone is carried"):
        from_onnx(model([node], (3, 4), g=noise(3, 4)))


def by_its_parts(squared: list[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """A normalization as exporters wrote it before there was an operator for it."""
    return [
        helper.make_node("ReduceMean", ["x"], ["m"], axes=[-1]),
        helper.make_node("Sub", ["x", "m"], ["d"]),
        *squared,
        helper.make_node("ReduceMean", ["p"], ["v"], axes=[-1]),
        helper.make_node("Add", ["v", "epsilon"], ["a"]),
        helper.make_node("Sqrt", ["a"], ["s"]),
        helper.make_node("Div", ["d", "s"], ["n"]),
        helper.make_node("Mul", ["n", "gamma"], ["g"]),
        helper.make_node("Add", ["g", "beta"], ["y"]),
    ]


@pytest.mark.parametrize("operator", ["Pow", "Mul"])
def test_a_normalization_said_by_its_parts_is_one(operator: str) -> None:
    squared = helper.make_node(operator, ["d", "two" if operator == "Pow" else "d"], ["p"])
    constants = {"gamma": noise(7) + 2, "beta": noise(7), "epsilon": np.float32(1e-3)}
    two = {"two": np.float32(2)} if operator == "Pow" else {}
    parts = from_onnx(model(by_its_parts([squared]), (3, 7), **constants, **two))
    node = helper.make_node("LayerNormalization", ["x", "gamma", "beta"], ["y"], epsilon=1e-3)
    whole = from_onnx(model([node], (3, 7), gamma=constants["gamma"], beta=constants["beta"]))
    assert [node.kind for node in parts.nodes] == [node.kind for node in whole.nodes]
    x = noise(3, 1, 3, 7)
    np.testing.assert_allclose(run_float(parts, [x])[0], run_float(whole, [x])[0], atol=1e-5)


def test_any_other_power_is_refused() -> None:
    with pytest.raises(Unsupported, match="O-CONSTANT.*Pow raises to another power"):
        from_onnx(model([helper.make_node("Pow", ["x", "three"], ["y"])], (4,), three=np.float32(3)))
