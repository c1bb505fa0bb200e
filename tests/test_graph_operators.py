"""Integer statements against TFLite Micro and LiteRT bit for bit, float statements against LiteRT."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import Graph
from edgestill.pipeline.graph.operators import (
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
    Quantize,
    Relu,
    Relu6,
    Reshape,
    Softmax,
)
from edgestill.pipeline.graph.tensor import Quantization, Tensor, per_tensor
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.tests.single_operator import (
    Draw,
    activations,
    channels,
    check_float,
    check_in_litert,
    check_in_onnx,
    check_in_tflite_micro,
    graph_of,
    int8,
    lengths,
    paddings,
    pairs_of,
    quantized,
    seeds,
    thoroughly,
)


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


def values(draw: Draw) -> tuple[int, ...]:
    """A sample's shape, of any number of axes."""
    return (*draw(st.lists(lengths, max_size=2)), draw(channels))


def add_constant(draw: Draw) -> Graph:
    shape = values(draw)
    data = np.random.default_rng(draw(seeds)).integers(-128, 128, (1, *shape)).astype(np.int8)
    constant = Tensor("b", (1, *shape), "int8", quantized(draw), data)
    return graph_of(Add(draw(activations)), [int8("a", shape, quantized(draw)), constant], quantized(draw))


def relu(draw: Draw) -> Graph:
    return graph_of(Relu(), [int8("x", values(draw), quantized(draw))], quantized(draw))


def relu6(draw: Draw) -> Graph:
    kept = quantized(draw)
    return graph_of(Relu6(), [int8("x", values(draw), kept)], kept)


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
    return graph_of(Quantize(), [int8("x", values(draw), quantized(draw))], quantized(draw))


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

FLOAT_AT_AN_END = {"quantize", "dequantize"}  # which ONNX says by the file's own input and output
ROUNDED_ONCE_BY_LITERT = {"dense", "relu"}  # where TFLite Micro rounds the scaled value twice


@pytest.mark.parametrize("operator", INTEGER)
@given(st.data())
@thoroughly
def test_the_integer_statement_is_tflite_micro_bit_for_bit(operator: str, data: st.DataObject) -> None:
    check_in_tflite_micro(INTEGER[operator](data.draw), data.draw(seeds))


@pytest.mark.parametrize("operator", INTEGER)
@given(st.data())
@thoroughly
def test_the_integer_statement_is_litert_s_but_for_the_roundings_that_are_named(
    operator: str, data: st.DataObject
) -> None:
    steps = 1 if operator in ROUNDED_ONCE_BY_LITERT else 0
    check_in_litert(INTEGER[operator](data.draw), data.draw(seeds), steps)


@pytest.mark.parametrize("operator", INTEGER)
@given(st.data())
@thoroughly
def test_a_written_operator_reads_back_equal(operator: str, data: st.DataObject) -> None:
    graph = INTEGER[operator](data.draw)
    assert from_tflite(to_tflite(graph)) == graph


@pytest.mark.parametrize("operator", [name for name in INTEGER if name not in FLOAT_AT_AN_END])
@given(st.data())
@thoroughly
def test_onnx_runtime_gives_the_same_but_for_a_step(operator: str, data: st.DataObject) -> None:
    graph = INTEGER[operator](data.draw)
    assume(all(tensor.constant or len(tensor.shape) in (2, 4) for tensor in graph.tensors.values()))
    check_in_onnx(graph, data.draw(seeds))


@pytest.mark.parametrize("operator", [name for name in INTEGER if "quantize" not in name])
@given(st.data())
@thoroughly
def test_the_float_statement_is_litert_s_and_reads_back_equal(operator: str, data: st.DataObject) -> None:
    check_float(INTEGER[operator](data.draw), data.draw(seeds))
