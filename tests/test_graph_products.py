"""Products of matrices, differences and roots: integer statements bit for bit, float statements near LiteRT's."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import Graph
from edgestill.pipeline.graph.operators import BatchMatMul, Gelu, Rsqrt, Sub
from edgestill.pipeline.graph.tensor import Tensor, per_tensor
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


def batch_mat_mul(draw: Draw) -> Graph:
    batch = draw(st.sampled_from([(), (2,), (1, 3), (2, 2)]))[: draw(st.integers(0, 2))]
    rows, terms, columns, transposed = draw(lengths), draw(st.integers(1, 40)), draw(lengths), draw(st.booleans())
    a, b = quantized(draw), quantized(draw)
    right = (columns, terms) if transposed else (terms, columns)
    tensors = [int8("a", (*batch, rows, terms), a), int8("b", (*batch, *right), b)]
    spread = a.per_tensor_scale * b.per_tensor_scale * 60 * terms**0.5
    return graph_of(BatchMatMul(transposed), tensors, quantized(draw, spread * draw(st.floats(0.1, 2))))


def sum_of_squares(draw: Draw) -> Graph:
    """A row by itself: what a variance is made of."""
    x = quantized(draw)
    tensors = [int8("a", (draw(lengths), 1, draw(st.integers(1, 40))), x)]
    output = quantized(draw, x.per_tensor_scale**2 * draw(st.floats(10, 1000)))
    graph = graph_of(BatchMatMul(transposed=True), [tensors[0], tensors[0]], output)
    return Graph(graph.tensors, graph.nodes, ("a",), ("y",))


def sub(draw: Draw) -> Graph:
    shape = (draw(lengths), draw(lengths), draw(channels))
    one, other = draw(st.permutations([shape, draw(st.sampled_from([shape, (1, 1, shape[2]), (*shape[:2], 1)]))]))
    return graph_of(
        Sub(draw(activations)), [int8("a", one, quantized(draw)), int8("b", other, quantized(draw))], quantized(draw)
    )


def sub_constant(draw: Draw) -> Graph:
    shape = (draw(lengths), draw(lengths), draw(channels))
    data = np.random.default_rng(draw(seeds)).integers(-128, 128, (1, *shape)).astype(np.int8)
    constant = Tensor("b", (1, *shape), "int8", quantized(draw), data)
    return graph_of(Sub(draw(activations)), [int8("a", shape, quantized(draw)), constant], quantized(draw))


def rsqrt(draw: Draw) -> Graph:
    """Of steps from the zero point on: there is no root of what lies below."""
    x = per_tensor(draw(st.floats(2**-12, 4, width=32)), -128)
    output = quantized(draw, draw(st.floats(1 / 400, 1 / 20)) / x.per_tensor_scale**0.5)
    return graph_of(Rsqrt(), [int8("x", (4, 8, 8), x)], output)


INTEGER = {make.__name__: make for make in (batch_mat_mul, sum_of_squares, sub, sub_constant, rsqrt)}


@pytest.mark.parametrize("operator", INTEGER)
@given(st.data())
@thoroughly
def test_the_integer_statement_is_tflite_micro_bit_for_bit(operator: str, data: st.DataObject) -> None:
    check_in_tflite_micro(INTEGER[operator](data.draw), data.draw(seeds))


@pytest.mark.parametrize("operator", INTEGER)
@given(st.data())
@thoroughly
def test_the_integer_statement_is_litert_s(operator: str, data: st.DataObject) -> None:
    check_in_litert(INTEGER[operator](data.draw), data.draw(seeds), steps=0)


@pytest.mark.parametrize("operator", INTEGER)
@given(st.data())
@thoroughly
def test_onnx_runtime_gives_the_same_within_a_step(operator: str, data: st.DataObject) -> None:
    graph = INTEGER[operator](data.draw)
    assume(all(len(tensor.shape) != 3 or tensor.dtype == "int32" for tensor in graph.tensors.values()))
    check_in_onnx(graph, data.draw(seeds), steps=1)


@pytest.mark.parametrize("operator", INTEGER)
@given(st.data())
@thoroughly
def test_a_written_operator_reads_back_equal(operator: str, data: st.DataObject) -> None:
    graph = INTEGER[operator](data.draw)
    assert from_tflite(to_tflite(graph)) == graph


@pytest.mark.parametrize("operator", [name for name in INTEGER if name != "rsqrt"])
@given(st.data())
@thoroughly
def test_the_float_statement_is_litert_s_and_reads_back_equal(operator: str, data: st.DataObject) -> None:
    check_float(INTEGER[operator](data.draw), data.draw(seeds))


@given(st.data())
@thoroughly
def test_gelu_is_litert_s_in_float_alone(data: st.DataObject) -> None:
    """No integer file holds one: its logistic form stands there."""
    operator = Gelu(data.draw(st.booleans()))
    check_float(
        graph_of(operator, [int8("x", (4, 8, 8), quantized(data.draw))], quantized(data.draw)), data.draw(seeds)
    )
