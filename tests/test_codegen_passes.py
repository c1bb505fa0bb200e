"""What is done to the graph before C is written from it changes no byte of what it computes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgestill.pipeline.codegen.generate import generate
from edgestill.pipeline.codegen.passes.dead_channels import cut_dead_channels
from edgestill.pipeline.codegen.passes.dependence import channels
from edgestill.pipeline.codegen.passes.fuse_clamps import fuse_clamps
from edgestill.pipeline.codegen.passes.simplify import simplified
from edgestill.pipeline.errors import Unsupported
from edgestill.pipeline.graph.execute import run_integer
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import Graph
from edgestill.pipeline.graph.operators import (
    Add,
    Conv2d,
    DepthwiseConv2d,
    FullyConnected,
    Operator,
    Pad,
    Relu,
    Reshape,
)
from edgestill.pipeline.graph.tensor import Quantization, Tensor, per_tensor
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.pipeline.runtimes.runtime import run
from edgestill.tests.random_nets import Maker, check_same, nets
from edgestill.tests.single_operator import EXAMPLES, in_tflite_micro, samples

MLPERF = Path(__file__).parent / "cases" / "mlperf-tiny"
HALF = per_tensor(0.5, 3)


def reference(name: str) -> Graph:
    return from_tflite((MLPERF / f"{name}_int8.tflite").read_bytes())


@settings(max_examples=10 * EXAMPLES, deadline=None)
@given(nets(), st.integers(0, 2**32 - 1))
def test_a_graph_without_its_dead_channels_computes_the_same(graph: Graph, seed: int) -> None:
    smaller = cut_dead_channels(graph)
    check_same(graph, smaller, seed)
    assert smaller.macs() <= graph.macs()
    assert smaller.inputs == graph.inputs
    assert [tensor.shape for tensor in smaller.of(smaller.outputs)] == [t.shape for t in graph.of(graph.outputs)]


@settings(max_examples=5 * EXAMPLES, deadline=None)
@given(nets(), st.integers(0, 2**32 - 1))
def test_the_passed_graph_gives_what_tflite_micro_gives_for_the_file(graph: Graph, seed: int) -> None:
    inputs = samples(graph, seed)
    wanted = in_tflite_micro(to_tflite(graph), inputs)
    np.testing.assert_array_equal(run_integer(simplified(graph).graph, inputs)[0], wanted)


@pytest.mark.parametrize("count", [20, pytest.param(1000, marks=pytest.mark.nightly)])
def test_half_of_the_visual_wake_words_model_is_dead_and_no_input_misses_it(count: int) -> None:
    graph = reference("vww")
    made = simplified(graph)
    assert (made.macs_before, made.graph.macs()) == (7_489_664, 3_733_073)
    assert (graph.parameters(), made.graph.parameters()) == (210_850, 30_308)
    random = np.random.default_rng(0)
    inputs = [random.integers(-128, 128, (count, *graph.tensors[graph.inputs[0]].shape[1:])).astype(np.int8)]
    wanted = run(MLPERF / "vww_int8.tflite", inputs, "tflite-micro").outputs
    np.testing.assert_array_equal(run_integer(made.graph, inputs)[0], wanted[0])


@pytest.mark.parametrize("name", ["kws", "ic", "ad"])
def test_a_graph_without_dead_channels_is_returned_as_it_is(name: str) -> None:
    graph = reference(name)
    assert cut_dead_channels(graph) is graph
    assert simplified(graph).graph.nodes == graph.nodes


def weights(made: Maker, data: NDArray[np.int8], axis: int = 0) -> str:
    return made.constant(data, Quantization(np.full(data.shape[axis], 0.01, np.float32), 0, axis))


def bias(made: Maker, values: list[int]) -> str:
    return made.constant(np.array(values, np.int32), Quantization(np.full(len(values), 0.005, np.float32), 0, 0))


def two_layers(first: list[int], second: Operator, *, dead: int = 1, width: int = 2, taps: int = 1) -> Graph:
    """A 1x1 convolution one of whose outputs has only a bias, 200 steps, and a layer behind it."""
    made = Maker(np.random.default_rng(0), {"x": Tensor("x", (1, 6, 6, 3), "int8", HALF)})
    rows = np.ones((width, 1, 1, 3), np.int8)
    rows[dead] = 0
    made.layer(Conv2d(), ("x", weights(made, rows), bias(made, first)), HALF)
    if isinstance(second, DepthwiseConv2d):
        made.layer(second, (made.now, weights(made, np.full((1, taps, taps, width), 9, np.int8), 3)), HALF)
        second = Conv2d()
        taps = 1
    made.layer(second, (made.now, weights(made, np.full((4, taps, taps, width), 3, np.int8))), HALF)
    return made.graph([made.now])


def test_a_constant_goes_into_the_bias_of_the_layer_behind() -> None:
    graph = two_layers([5, 20_000], Conv2d())
    smaller = cut_dead_channels(graph)
    assert [tensor.shape[-1] for tensor in smaller.of(node.outputs[0] for node in smaller.nodes)] == [1, 4]
    assert len(smaller.nodes[1].inputs) == 3
    check_same(graph, smaller, 0)


@pytest.mark.parametrize(("operator", "kept"), [(Conv2d(padding="SAME"), 2), (Conv2d(padding="VALID"), 1)])
def test_a_constant_that_padding_would_interrupt_stays(operator: Operator, kept: int) -> None:
    graph = two_layers([5, 20_000], operator, taps=3)
    smaller = cut_dead_channels(graph)
    assert smaller.tensors[smaller.nodes[0].outputs[0]].shape[-1] == kept
    check_same(graph, smaller, 0)


def test_a_constant_equal_to_the_zero_point_goes_from_beside_padding_too() -> None:
    graph = two_layers([5, 0], Conv2d(padding="SAME"), taps=3)
    smaller = cut_dead_channels(graph)
    assert smaller.tensors[smaller.nodes[0].outputs[0]].shape[-1] == 1
    check_same(graph, smaller, 0)


def test_a_constant_map_in_front_of_a_convolution_stays() -> None:
    graph = two_layers([5, 2000], DepthwiseConv2d(padding="SAME"), taps=3)
    (depthwise,) = (node.outputs[0] for node in graph.nodes if node.kind == "DepthwiseConv2d")
    found = channels(graph)[depthwise]
    assert (list(found.fixed), list(found.uniform)) == ([False, True], [False, False])
    assert cut_dead_channels(graph) is graph


def test_what_nobody_reads_goes_through_several_layers() -> None:
    made = Maker(np.random.default_rng(0), {"x": Tensor("x", (1, 6, 6, 3), "int8", HALF)})
    made.layer(Conv2d(), ("x", weights(made, np.ones((5, 1, 1, 3), np.int8))), HALF)
    straight = np.zeros((5, 1, 1, 5), np.int8)
    straight[range(5), 0, 0, range(5)] = 100
    made.layer(Conv2d(), (made.now, weights(made, straight)), HALF)
    made.layer(Relu(), (made.now,), HALF)
    last = np.ones((2, 1, 1, 5), np.int8)
    last[..., 3:] = 0
    made.layer(Conv2d(), (made.now, weights(made, last)), HALF)
    graph = made.graph([made.now])
    smaller = cut_dead_channels(graph)
    assert [tensor.shape[-1] for tensor in smaller.of(node.outputs[0] for node in smaller.nodes)] == [3, 3, 3, 2]
    check_same(graph, smaller, 0)


def test_a_bias_that_would_overflow_keeps_its_constant() -> None:
    graph = two_layers([5, 20_000], Conv2d())
    reader = graph.nodes[1]
    steps = Quantization(np.full(4, 0.005, np.float32), 0, 0)
    full = Tensor("full", (4,), "int32", steps, np.full(4, 2**31 - 99, np.int32))
    nodes = (graph.nodes[0], replace(reader, inputs=(*reader.inputs, "full")))
    graph = replace(graph, nodes=nodes, tensors={**graph.tensors, "full": full})
    assert cut_dead_channels(graph) is graph


def test_a_net_that_no_input_reaches_keeps_one_channel_a_layer() -> None:
    made = Maker(np.random.default_rng(0), {"x": Tensor("x", (1, 2, 2, 3), "int8", HALF)})
    for count in (4, 3):
        made.layer(Conv2d(), (made.now, weights(made, np.zeros((count, 1, 1, made.shape[3]), np.int8))), HALF)
    made.layer(Reshape((1, 12)), (made.now,), HALF)
    made.layer(FullyConnected(), (made.now, weights(made, np.ones((2, 12), np.int8))), HALF)
    graph = made.graph([made.now])
    smaller = cut_dead_channels(graph)
    assert [tensor.shape[-1] for tensor in smaller.of(node.outputs[0] for node in smaller.nodes)] == [1, 1, 4, 2]
    check_same(graph, smaller, 0)


@settings(max_examples=4 * EXAMPLES, deadline=None)
@given(nets(), st.integers(0, 2**32 - 1))
def test_rectifiers_go_into_the_layers_before_them(graph: Graph, seed: int) -> None:
    fused = fuse_clamps(graph)
    check_same(graph, fused, seed)
    for node in fused.nodes:
        before = fused.producer(node.inputs[0])
        if node.kind in ("Relu", "Relu6") and before is not None and before.kind in ("Conv2d", "Add"):
            name = before.outputs[0]
            alone = len(fused.consumers(name)) == 1 and name not in fused.outputs
            scales = fused.tensors[name].quantization, fused.tensors[node.outputs[0]].quantization
            assert not alone or scales[0] != scales[1]


def test_a_pad_that_says_same_goes_into_the_convolution() -> None:
    made = Maker(np.random.default_rng(0), {"x": Tensor("x", (1, 5, 5, 1), "int8", HALF)})
    made.layer(Pad(((0, 0), (1, 1), (1, 1), (0, 0))), ("x",), HALF)
    made.layer(Conv2d(), (made.now, weights(made, np.ones((2, 3, 3, 1), np.int8))), HALF)
    graph = made.graph([made.now])
    assert [node.kind for node in simplified(graph).graph.nodes] == ["Conv2d"]
    check_same(graph, simplified(graph).graph, 0)
    moved = replace(graph.tensors["x"], quantization=per_tensor(0.5, 9))
    unlike = replace(graph, tensors={**graph.tensors, "x": moved})
    assert [node.kind for node in simplified(unlike).graph.nodes] == ["Pad", "Conv2d"]


def test_what_is_made_of_constants_or_read_by_nobody_does_not_run() -> None:
    made = Maker(np.random.default_rng(0), {"x": Tensor("x", (1, 2, 2, 3), "int8", HALF)})
    made.layer(Relu(), ("x",), HALF)
    made.layer(Reshape((1, 1, 1, 3)), (made.constant(np.array([[1, 90, -9]], np.int8), HALF),), HALF)
    made.layer(Relu(), (made.now,), HALF)
    made.layer(Add(), ("x", made.now), HALF)
    graph = made.graph([made.now])
    smaller = simplified(graph)
    assert [node.kind for node in smaller.graph.nodes] == ["Add"]
    assert smaller.layers_gone == 3
    check_same(graph, smaller.graph, 0)


def test_an_output_that_no_input_reaches_is_refused() -> None:
    made = Maker(np.random.default_rng(0), {"x": Tensor("x", (1, 3), "int8", HALF)})
    made.layer(Relu(), ("x",), HALF)
    one = made.now
    made.layer(Relu(), (made.constant(np.array([[1, 90, -9]], np.int8), HALF),), HALF)
    made.layer(Reshape((1, 1, 3)), (made.now,), HALF)
    with pytest.raises(Unsupported, match="C-OUTPUT .* made of constants alone"):
        generate(made.graph([one, made.now]), "net.tflite")
