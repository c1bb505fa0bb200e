"""Integer statements against TFLite Micro and LiteRT bit for bit, float statements against LiteRT."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tflite_micro.python.tflite_micro import runtime as tflite_micro

from edgestill.pipeline.graph.execute import run_float, run_integer
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import Graph, Node
from edgestill.pipeline.graph.operators import (
    Activation,
    Add,
    AveragePool2d,
    Conv2d,
    DepthwiseConv2d,
    Dequantize,
    FullyConnected,
    MaxPool2d,
    Mean,
    Operator,
    Pad,
    Padding,
    Quantize,
    Relu,
    Relu6,
    Reshape,
    Softmax,
)
from edgestill.pipeline.graph.tensor import Quantization, Tensor, per_tensor
from edgestill.pipeline.graph.to_tflite import to_tflite

EXAMPLES = int(os.environ.get("EDGESTILL_EXAMPLES", "40"))  # per operator
SAMPLES = 3
Draw = Callable[[st.SearchStrategy[Any]], Any]
Arrays = list[NDArray[Any]]

thoroughly = settings(max_examples=EXAMPLES, deadline=None)
lengths = st.integers(1, 9)
channels = st.integers(1, 6)
activations = st.sampled_from(get_args(Activation))
paddings = st.sampled_from(get_args(Padding))
zero_points = st.one_of(st.sampled_from([-128, -127, 0, 126, 127]), st.integers(-128, 127))
scales = st.floats(2**-9, 0.5, width=32)
seeds = st.integers(0, 2**32 - 1)


def pairs_of(least: int, most: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(least, most), st.integers(least, most))


def quantized(draw: Draw, scale: float | None = None) -> Quantization:
    return per_tensor(draw(scales) if scale is None else scale, draw(zero_points))


def int8(name: str, shape: tuple[int, ...], quantization: Quantization) -> Tensor:
    return Tensor(name, (1, *shape), "int8", quantization)


def graph_of(operator: Operator, inputs: Sequence[Tensor], output: Quantization | None) -> Graph:
    """One operator on these tensors; the ones without data are the graph's inputs."""
    shape = operator.shape([tensor.shape for tensor in inputs])
    tensors = [*inputs, Tensor("y", shape, "float32" if output is None else "int8", output)]
    names = tuple(tensor.name for tensor in inputs)
    fed = tuple(tensor.name for tensor in inputs if not tensor.constant)
    return Graph({tensor.name: tensor for tensor in tensors}, (Node(operator, names, ("y",)),), fed, ("y",))


def window_attributes(draw: Draw) -> tuple[tuple[int, int, int], tuple[int, int], dict[str, Any]]:
    """A sample's shape, a kernel and the attributes of a convolution whose windows fit."""
    kernel, dilation = draw(pairs_of(1, 4)), draw(pairs_of(1, 2))
    attributes = {
        "stride": draw(pairs_of(1, 3)),
        "padding": draw(paddings),
        "dilation": dilation,
        "activation": draw(activations),
    }
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    extra = draw(pairs_of(0, 5))
    size = (
        (extra[0] + 1, extra[1] + 1) if attributes["padding"] == "SAME" else (extra[0] + reach[0], extra[1] + reach[1])
    )
    return (*size, draw(channels)), kernel, attributes


def weighted(draw: Draw, operator: Operator, x: tuple[int, ...], weights: tuple[int, ...], axis: int) -> Graph:
    """An integer operator with weights and, mostly, a bias; scales one a channel or one for all."""
    rng = np.random.default_rng(draw(seeds))
    count, terms = weights[axis], int(np.prod(weights)) // weights[axis]
    per_channel = draw(st.booleans()) or axis == 3
    w_scales = np.exp(rng.uniform(-7, -3, count if per_channel else 1)).astype(np.float32)
    input_quantization = quantized(draw)
    spread = input_quantization.per_tensor_scale * float(w_scales.max()) * 60 * terms**0.5
    bias_scales = (w_scales.astype(np.float64) * input_quantization.per_tensor_scale).astype(np.float32)
    tensors = [
        int8("x", x, input_quantization),
        Tensor(
            "w",
            weights,
            "int8",
            Quantization(w_scales, 0, axis if per_channel else None),
            rng.integers(-127, 128, weights).astype(np.int8),
        ),
        Tensor(
            "b",
            (count,),
            "int32",
            Quantization(bias_scales, 0, 0 if per_channel else None),
            rng.integers(-4000, 4000, count).astype(np.int32),
        ),
    ]
    with_bias = draw(st.integers(0, 4)) > 0
    return graph_of(
        operator, tensors if with_bias else tensors[:2], quantized(draw, spread * draw(st.floats(0.2, 2.0)))
    )


def conv(draw: Draw) -> Graph:
    (h, w, c), kernel, attributes = window_attributes(draw)
    return weighted(draw, Conv2d(**attributes), (h, w, c), (draw(channels), *kernel, c), axis=0)


def depthwise(draw: Draw) -> Graph:
    (h, w, c), kernel, attributes = window_attributes(draw)
    multiplier = draw(st.integers(1, 3))
    return weighted(
        draw, DepthwiseConv2d(multiplier=multiplier, **attributes), (h, w, c), (1, *kernel, c * multiplier), 3
    )


def dense(draw: Draw) -> Graph:
    shape = draw(st.sampled_from([(12,), (1, 12), (2, 3, 2), (1, 1, 12)]))
    keep_dims = shape[-1] == 12 and draw(st.booleans())
    return weighted(draw, FullyConnected(draw(activations), keep_dims), shape, (draw(channels), 12), axis=0)


def add(draw: Draw) -> Graph:
    shape = (draw(lengths), draw(lengths), draw(channels))
    other = draw(st.sampled_from([shape, (1, 1, shape[2])]))
    tensors = [int8("a", shape, quantized(draw)), int8("b", other, quantized(draw))]
    return graph_of(Add(draw(activations)), tensors, quantized(draw))


def add_constant(draw: Draw) -> Graph:
    shape = (draw(lengths), draw(channels))
    data = np.random.default_rng(draw(seeds)).integers(-128, 128, (1, *shape)).astype(np.int8)
    constant = Tensor("b", (1, *shape), "int8", quantized(draw), data)
    return graph_of(Add(draw(activations)), [int8("a", shape, quantized(draw)), constant], quantized(draw))


def relu(draw: Draw) -> Graph:
    return graph_of(Relu(), [int8("x", (draw(lengths), draw(channels)), quantized(draw))], quantized(draw))


def relu6(draw: Draw) -> Graph:
    kept = quantized(draw)
    return graph_of(Relu6(), [int8("x", (draw(lengths), draw(channels)), kept)], kept)


def pool(draw: Draw, operator: type[AveragePool2d] | type[MaxPool2d]) -> Graph:
    (h, w, c), kernel, attributes = window_attributes(draw)
    del attributes["dilation"]
    kept = quantized(draw)
    return graph_of(operator(kernel=kernel, **attributes), [int8("x", (h + 4, w + 4, c), kept)], kept)


def average_pool(draw: Draw) -> Graph:
    return pool(draw, AveragePool2d)


def max_pool(draw: Draw) -> Graph:
    return pool(draw, MaxPool2d)


def mean(draw: Draw) -> Graph:
    shape = (draw(lengths), draw(lengths), draw(channels))
    axes = draw(st.sampled_from([(1, 2), (2, 1), (1,), (2,), (3,), (1, 2, 3)]))
    x = quantized(draw)
    y = quantized(draw, x.per_tensor_scale * draw(st.floats(0.2, 1.5)))
    return graph_of(Mean(axes, draw(st.booleans())), [int8("x", shape, x)], y)


def reshape(draw: Draw) -> Graph:
    target = draw(st.sampled_from([(1, 24), (1, 2, 12), (1, 1, 1, 24), (1, 24, 1)]))
    kept = quantized(draw)
    return graph_of(Reshape(target), [int8("x", (2, 3, 4), kept)], kept)


def pad(draw: Draw) -> Graph:
    pairs = ((0, 0), draw(pairs_of(0, 3)), draw(pairs_of(0, 3)), draw(pairs_of(0, 2)))
    kept = quantized(draw)
    return graph_of(Pad(pairs), [int8("x", (draw(lengths), draw(lengths), draw(channels)), kept)], kept)


def requantize(draw: Draw) -> Graph:
    return graph_of(Quantize(), [int8("x", (draw(lengths), draw(channels)), quantized(draw))], quantized(draw))


def quantize(draw: Draw) -> Graph:
    return graph_of(Quantize(), [Tensor("x", (1, draw(lengths), draw(channels)))], quantized(draw))


def dequantize(draw: Draw) -> Graph:
    return graph_of(Dequantize(), [int8("x", (draw(lengths), draw(channels)), quantized(draw))], None)


def softmax(draw: Draw) -> Graph:
    shape = draw(st.sampled_from([(1,), (2,), (12,), (40,), (3, 5), (2, 2, 7)]))
    beta = float(np.float32(draw(st.sampled_from([1.0, 0.5, 2.0, 0.1]))))
    return graph_of(Softmax(beta), [int8("x", shape, quantized(draw))], per_tensor(1 / 256, -128))


INTEGER = {
    make.__name__: make
    for make in (
        *(conv, depthwise, dense, add, add_constant, relu, relu6, average_pool, max_pool, mean),
        *(reshape, pad, quantize, requantize, dequantize, softmax),
    )
}

ROUNDED_ONCE_BY_LITERT = {"dense", "relu"}  # where TFLite Micro rounds the scaled value twice


def samples(graph: Graph, seed: int) -> Arrays:
    rng = np.random.default_rng(seed)
    return [
        rng.integers(-128, 128, (SAMPLES, *tensor.shape[1:])).astype(np.int8)
        if tensor.dtype == "int8"
        else (rng.standard_normal((SAMPLES, *tensor.shape[1:])) * 4).astype(np.float32)
        for tensor in graph.of(graph.inputs)
    ]


def in_tflite_micro(data: bytes, inputs: Arrays) -> NDArray[Any]:
    interpreter = tflite_micro.Interpreter.from_bytes(data, arena_size=1 << 20)
    outputs = []
    for sample in range(SAMPLES):
        for index, array in enumerate(inputs):
            interpreter.set_input(array[sample : sample + 1], index)
        interpreter.invoke()
        outputs.append(np.array(interpreter.get_output(0)))
    return np.concatenate(outputs)


def in_litert(data: bytes, inputs: Arrays) -> NDArray[Any]:
    reference = OpResolverType.BUILTIN_REF
    interpreter = Interpreter(model_content=data, num_threads=1, experimental_op_resolver_type=reference)
    interpreter.allocate_tensors()
    outputs = []
    for sample in range(SAMPLES):
        for port, array in zip(interpreter.get_input_details(), inputs, strict=True):
            interpreter.set_tensor(port["index"], array[sample : sample + 1])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    return np.concatenate(outputs)


@pytest.mark.parametrize("operator", INTEGER)
@given(st.data())
@thoroughly
def test_the_integer_statement_is_tflite_micro_bit_for_bit(operator: str, data: st.DataObject) -> None:
    graph = INTEGER[operator](data.draw)
    inputs = samples(graph, data.draw(seeds))
    (ours,) = run_integer(graph, inputs)
    theirs = in_tflite_micro(to_tflite(graph), inputs)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("operator", INTEGER)
@given(st.data())
@thoroughly
def test_the_integer_statement_is_litert_s_but_for_the_roundings_that_are_named(
    operator: str, data: st.DataObject
) -> None:
    graph = INTEGER[operator](data.draw)
    assume(litert_takes(graph))
    inputs = samples(graph, data.draw(seeds))
    (ours,) = run_integer(graph, inputs)
    theirs = in_litert(to_tflite(graph), inputs)
    steps = 1 if operator in ROUNDED_ONCE_BY_LITERT else 0
    np.testing.assert_allclose(ours.astype(np.float64), theirs.astype(np.float64), atol=steps, rtol=0)


@pytest.mark.parametrize("operator", INTEGER)
@given(st.data())
@thoroughly
def test_a_written_operator_reads_back_equal(operator: str, data: st.DataObject) -> None:
    graph = INTEGER[operator](data.draw)
    assert from_tflite(to_tflite(graph)) == graph


def litert_takes(graph: Graph) -> bool:
    """LiteRT demands the bias of a CONV_2D that TFLite Micro lets one leave out."""
    return graph.nodes[0].kind != "Conv2d" or len(graph.nodes[0].inputs) == 3


def as_float(graph: Graph, seed: int) -> Graph:
    """The same operator on float tensors."""
    rng = np.random.default_rng(seed)
    tensors = [
        Tensor(
            tensor.name,
            tensor.shape,
            data=None if tensor.data is None else rng.standard_normal(tensor.shape).astype(np.float32),
        )
        for tensor in graph.tensors.values()
    ]
    return replace(graph, tensors={tensor.name: tensor for tensor in tensors})


@pytest.mark.parametrize("operator", [name for name in INTEGER if "quantize" not in name])
@given(st.data())
@thoroughly
def test_the_float_statement_is_litert_s_and_reads_back_equal(operator: str, data: st.DataObject) -> None:
    graph = as_float(INTEGER[operator](data.draw), data.draw(seeds))
    assume(litert_takes(graph))
    inputs = samples(graph, data.draw(seeds))
    (ours,) = run_float(graph, inputs)
    written = to_tflite(graph)
    theirs = in_litert(written, inputs)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * max(1.0, float(np.abs(theirs).max())))
    assert from_tflite(written) == graph
