"""The memory plan: nothing that is live overlaps, nothing fits in less where that can be tried, TFLite Micro obeys."""

import contextlib
import io
import warnings
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tflite_micro.python.tflite_micro import runtime as tflite_micro

from edgestill.pipeline.errors import BadModel
from edgestill.pipeline.graph.execute import run_integer
from edgestill.pipeline.graph.from_onnx import from_onnx
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import Graph, Node
from edgestill.pipeline.graph.liveness import Buffer, buffers, least_bytes
from edgestill.pipeline.graph.offline_plan import NAME, read_offline_plan, unnamed
from edgestill.pipeline.graph.operators import MaxPool2d, Mean, Operator, Pad, Relu, Reshape
from edgestill.pipeline.graph.plan import plan, unplanned_bytes
from edgestill.pipeline.graph.tensor import Tensor, per_tensor
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.pipeline.models.catalog import build
from edgestill.pipeline.quantization.calibrate import calibrate
from edgestill.pipeline.quantization.quantize import quantize
from edgestill.pipeline.runtimes.runtime import arena_bytes, run

torch.set_num_threads(1)
MLPERF = Path(__file__).parent / "cases" / "mlperf-tiny"
ONE_SCALE = per_tensor(0.1, 3)
NETS = {"ds-cnn": (49, 10, 1), "resnet8": (32, 32, 3), "mobilenet-v1": (48, 48, 3), "mobilenet-v2": (48, 48, 3)}


@st.composite
def graphs(draw: st.DrawFn, most: int = 12) -> Graph:
    """Integer graphs whose values grow, shrink, wait, and are dropped; any of them may be returned."""
    tensors = {"x": Tensor("x", (1, draw(st.integers(1, 9)), 8, draw(st.integers(1, 9))), "int8", ONE_SCALE)}
    nodes: list[Node] = []
    for index in range(draw(st.integers(1, most - 1))):
        source = tensors[draw(st.sampled_from(list(tensors)))]
        operator = draw(operators(source.shape))
        output = Tensor(f"y{index}", operator.shape([source.shape]), "int8", ONE_SCALE)
        tensors[output.name] = output
        nodes.append(Node(operator, (source.name,), (output.name,)))
    returned = draw(st.lists(st.sampled_from(list(tensors)[1:]), max_size=2, unique=True))
    outputs = dict.fromkeys([*returned, nodes[-1].outputs[0]])
    return Graph(tensors, tuple(nodes), ("x",), tuple(outputs))


def operators(shape: tuple[int, ...]) -> st.SearchStrategy[Operator]:
    if len(shape) != 4:
        return st.sampled_from([Relu(), Reshape((1, 1, 1, int(np.prod(shape))))])
    grows = Pad(((0, 0), (0, 1), (1, 0), (0, shape[3] % 3)))
    shrinks = MaxPool2d((1, 2), (1, 2), "SAME")
    return st.sampled_from([grows, shrinks, Relu(), Mean((1, 2)), Reshape((1, int(np.prod(shape))))])


def live(graph: Graph, name: str) -> tuple[int, int]:
    """The first and the last step that need a tensor."""
    written = next((step for step, node in enumerate(graph.nodes, 1) if name in node.outputs), 0)
    read = [step for step, node in enumerate(graph.nodes, 1) if name in node.inputs]
    return written, len(graph.nodes) if name in graph.outputs else max([written, *read])


def source(graph: Graph, name: str) -> str:
    """The tensor that holds the same bytes, behind all reshapes."""
    node = graph.producer(name)
    return source(graph, node.inputs[0]) if node is not None and isinstance(node.operator, Reshape) else name


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_no_two_tensors_that_are_live_together_overlap(graph: Graph) -> None:
    made = plan(graph)
    assert set(made.offsets) == set(graph.tensors)
    sizes = {name: int(np.prod(tensor.shape)) for name, tensor in graph.tensors.items()}
    for one, other in combinations(graph.tensors, 2):
        (a, b), (c, d) = live(graph, one), live(graph, other)
        if a <= d and c <= b and source(graph, one) != source(graph, other):
            start, end = made.offsets[one], made.offsets[other]
            assert start + sizes[one] <= end or end + sizes[other] <= start
    assert all(offset % 16 == 0 and offset + sizes[name] <= made.bytes for name, offset in made.offsets.items())


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_a_plan_lies_between_what_is_live_and_what_tflite_micro_takes_by_itself(graph: Graph) -> None:
    made = plan(graph)
    assert made.least == least_bytes(buffers(graph)) <= made.bytes <= unplanned_bytes(graph)
    assert plan(graph) == made


@settings(max_examples=100, deadline=None)
@given(graphs(), st.integers(0, 2**32 - 1))
def test_any_planned_graph_gives_the_same_integers_in_tflite_micro(graph: Graph, seed: int) -> None:
    data = to_tflite(graph)
    assume(read_offline_plan(data) is not None)
    x = np.random.default_rng(seed).integers(-128, 128, graph.tensors["x"].shape).astype(np.int8)
    interpreter = tflite_micro.Interpreter.from_bytes(data, arena_size=1 << 20)
    interpreter.set_input(x, 0)
    interpreter.invoke()
    for index, wanted in enumerate(run_integer(graph, [x])):
        np.testing.assert_array_equal(interpreter.get_output(index), wanted)


def first_fit(order: Sequence[Buffer]) -> int:
    """The bytes that first fit takes in this order."""
    placed: list[tuple[Buffer, int]] = []
    for buffer in order:
        near = [(at, other) for other, at in placed if buffer.first <= other.last and other.first <= buffer.last]
        offset = min(
            place
            for place in [0, *(offset + other.bytes for offset, other in near)]
            if all(place >= start + other.bytes or place + buffer.bytes <= start for start, other in near)
        )
        placed.append((buffer, offset))
    return max(offset + buffer.bytes for buffer, offset in placed)


@settings(max_examples=60, deadline=None)
@given(graphs(most=6))
def test_the_plan_of_a_small_graph_is_the_best_of_all_orders(graph: Graph) -> None:
    kept = buffers(graph)
    assume(len(kept) <= 6)
    assert plan(graph).bytes == min(first_fit(order) for order in permutations(kept))


def quantized(name: str) -> Graph:
    """A net of the catalog in integers."""
    torch.manual_seed(0)
    height, width, channels = NETS[name]
    written = io.BytesIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        net = build(name, NETS[name], 4, {}).eval()
        sample = torch.zeros(1, channels, height, width)
        torch.onnx.export(net, (sample,), written, dynamo=False, opset_version=17)  # type: ignore[arg-type]
    graph = from_onnx(written.getvalue())
    samples = np.random.default_rng(0).standard_normal((4, *NETS[name]), np.float32)
    return quantize(graph, calibrate(graph, [samples]), samples)


@pytest.mark.parametrize(
    "operator", [Mean((1, 2)), Mean((3,)), Mean((1, 2, 3)), Relu(), MaxPool2d((2, 2), (1, 1), "SAME")]
)
def test_what_a_kernel_asks_for_itself_is_in_the_plan(operator: Operator, tmp_path: Path) -> None:
    x = Tensor("x", (1, 5, 4, 25), "int8", ONE_SCALE)
    y = Tensor("y", operator.shape([x.shape]), "int8", ONE_SCALE)
    graph, path = Graph({"x": x, "y": y}, (Node(operator, ("x",), ("y",)),), ("x",), ("y",)), tmp_path / "net.tflite"
    path.write_bytes(to_tflite(graph))
    assert arena_bytes(path).head == plan(graph).bytes


LONGER = [pytest.param(name, marks=pytest.mark.nightly) for name in ("resnet8", "mobilenet-v2", "ic_int8")]


@pytest.mark.parametrize("name", ["ds-cnn", "mobilenet-v1", "kws_int8", *LONGER])
def test_tflite_micro_takes_what_the_plan_says_and_never_more_than_without_it(name: str, tmp_path: Path) -> None:
    graph = quantized(name) if name in NETS else from_tflite((MLPERF / f"{name}.tflite").read_bytes())
    with_plan, without = tmp_path / "with.tflite", tmp_path / "without.tflite"
    with_plan.write_bytes(to_tflite(graph))
    without.write_bytes(unnamed(to_tflite(graph)))
    arenas = arena_bytes(with_plan), arena_bytes(without)
    assert arenas[0].head == plan(graph).bytes == plan(graph).least
    assert arenas[1].head == unplanned_bytes(graph)
    assert arenas[0].total <= arenas[1].total


def test_a_planned_file_gives_the_same_integers_also_where_every_tensor_is_kept(tmp_path: Path) -> None:
    graph, path = quantized("mobilenet-v1"), tmp_path / "net.tflite"
    data = to_tflite(graph)
    assert data == to_tflite(graph)
    assert read_offline_plan(data) == plan(graph).offsets
    assert from_tflite(data) == graph
    path.write_bytes(data)
    x = np.random.default_rng(1).integers(-128, 128, (2, *NETS["mobilenet-v1"])).astype(np.int8)
    (wanted,) = run_integer(graph, [x])
    for every_tensor in (False, True):
        np.testing.assert_array_equal(run(path, [x], "tflite-micro", every_tensor=every_tensor).outputs[0], wanted)
    assert len(run(path, [x], "litert-reference", every_tensor=True).tensors) == len(graph.nodes)


def test_a_plan_is_written_only_where_it_saves_memory() -> None:
    data = to_tflite(from_tflite((MLPERF / "kws_int8.tflite").read_bytes()))
    assert read_offline_plan(data) is None
    assert NAME.encode() not in data


def test_a_plan_of_another_file_is_named() -> None:
    graph = quantized("mobilenet-v1")
    first = replace(graph, nodes=graph.nodes[:1], outputs=graph.nodes[0].outputs, metadata={NAME: "12345678"})
    with pytest.raises(BadModel, match=r"net.tflite: its memory plan is not one for its 4 tensors"):
        read_offline_plan(to_tflite(first), "net.tflite")
