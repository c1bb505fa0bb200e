"""Activation functions, products and bounds: integer statements bit for bit, float statements near LiteRT's."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgestill.pipeline.graph.from_onnx import from_onnx
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import Graph, renumbered
from edgestill.pipeline.graph.operators import (
    HardSwish,
    LeakyRelu,
    Maximum,
    Minimum,
    Mul,
    Operator,
    PRelu,
    Sigmoid,
    Tanh,
)
from edgestill.pipeline.graph.passes.canonical import canonical
from edgestill.pipeline.graph.tensor import Quantization, Tensor, per_tensor
from edgestill.pipeline.graph.to_onnx import to_onnx
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
    quantized,
    seeds,
    thoroughly,
)

wide_scales = st.floats(2**-12, 4, width=32, exclude_max=True)  # from 4 on TFLite Micro cuts sigmoids off too early


def unary(draw: Draw, operator: Operator, output: Quantization | None = None, x: Quantization | None = None) -> Graph:
    """An operator on 256 values a sample."""
    given_x = x or per_tensor(draw(wide_scales), draw(st.integers(-128, 127)))
    return graph_of(operator, [int8("x", (4, 8, 8), given_x)], output or quantized(draw))


def sigmoid(draw: Draw) -> Graph:
    return unary(draw, Sigmoid(), per_tensor(1 / 256, -128))


def tanh(draw: Draw) -> Graph:
    return unary(draw, Tanh(), per_tensor(1 / 128, 0))


def hard_swish(draw: Draw) -> Graph:
    x = quantized(draw, draw(wide_scales))
    return unary(draw, HardSwish(), quantized(draw, x.per_tensor_scale * draw(st.floats(1 / 120, 3))), x)


def leaky_relu(draw: Draw) -> Graph:
    alpha = draw(st.one_of(st.sampled_from([0.01, 0.1, 0.2, 0.0, 1.5]), st.floats(0, 1)))
    return unary(draw, LeakyRelu(float(np.float32(alpha))))


def constant(draw: Draw, name: str, shape: tuple[int, ...], quantization: Quantization) -> Tensor:
    data = np.random.default_rng(draw(seeds)).integers(-128, 128, shape).astype(np.int8)
    return Tensor(name, shape, "int8", quantization, data)


def prelu(draw: Draw) -> Graph:
    shape = (draw(lengths), draw(lengths), draw(channels))
    slopes = draw(st.sampled_from([(1, 1, shape[2]), (1, 1, 1, shape[2]), (1, 1, 1), (1, *shape)]))
    tensors = [int8("x", shape, quantized(draw)), constant(draw, "slope", slopes, quantized(draw, 2**-7))]
    return graph_of(PRelu(), tensors, quantized(draw))


def mul(draw: Draw) -> Graph:
    shape = (draw(lengths), draw(lengths), draw(channels))
    other = draw(st.sampled_from([shape, (1, 1, shape[2])]))
    operands = [int8("a", shape, quantized(draw)), int8("b", other, quantized(draw))]
    output = operands[0].quantization, operands[1].quantization
    assert output[0] is not None and output[1] is not None
    scale = output[0].per_tensor_scale * output[1].per_tensor_scale * draw(st.floats(1, 300))
    return graph_of(Mul(draw(activations)), operands, quantized(draw, scale))


def mul_constant(draw: Draw) -> Graph:
    shape = draw(st.sampled_from([(draw(lengths), draw(lengths), draw(channels)), (draw(channels),)]))
    ones = (1,) * len(shape)
    operand = constant(draw, "b", draw(st.sampled_from([(*ones, shape[-1]), (1, *ones), (1, *shape)])), quantized(draw))
    return graph_of(Mul(draw(activations)), [int8("a", shape, quantized(draw)), operand], quantized(draw, 1.0))


def bounds(draw: Draw, operator: Operator) -> Graph:
    shape, kept = (draw(lengths), draw(lengths), draw(channels)), quantized(draw)
    other = constant(draw, "b", (1, 1, 1, 1), kept) if draw(st.booleans()) else int8("b", shape, kept)
    return graph_of(operator, [int8("a", shape, kept), other], kept)


def maximum(draw: Draw) -> Graph:
    return bounds(draw, Maximum())


def minimum(draw: Draw) -> Graph:
    return bounds(draw, Minimum())


INTEGER = {
    make.__name__: make for make in (sigmoid, tanh, hard_swish, leaky_relu, prelu, mul, mul_constant, maximum, minimum)
}
# There, sigmoid and tanh are tables of rounded float32 values, and products are rounded once.
ONE_INPUT = [name for name in INTEGER if name != "mul"]  # the others can be written as a model that we read
OFF_IN_LITERT = dict.fromkeys(["sigmoid", "tanh", "leaky_relu", "prelu", "mul", "mul_constant"], 1)


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
    check_in_litert(INTEGER[operator](data.draw), data.draw(seeds), OFF_IN_LITERT.get(operator, 0))


@pytest.mark.parametrize("operator", INTEGER)
@given(st.data())
@thoroughly
def test_a_written_operator_reads_back_equal(operator: str, data: st.DataObject) -> None:
    graph = INTEGER[operator](data.draw)
    assert from_tflite(to_tflite(graph)) == graph


@pytest.mark.parametrize("operator", ONE_INPUT)
@given(st.data())
@thoroughly
def test_an_operator_comes_back_equal_from_qdq(operator: str, data: st.DataObject) -> None:
    graph = INTEGER[operator](data.draw)
    assume(len(graph.inputs) == 1)
    assert from_onnx(to_onnx(graph)) == renumbered(canonical(graph))


@pytest.mark.parametrize("operator", INTEGER)
@given(st.data())
@thoroughly
def test_onnx_runtime_gives_the_same_integers_but_for_a_step(operator: str, data: st.DataObject) -> None:
    check_in_onnx(INTEGER[operator](data.draw), data.draw(seeds))


@pytest.mark.parametrize("operator", INTEGER)
@given(st.data())
@thoroughly
def test_the_float_statement_is_litert_s_and_reads_back_equal(operator: str, data: st.DataObject) -> None:
    check_float(INTEGER[operator](data.draw), data.draw(seeds))
