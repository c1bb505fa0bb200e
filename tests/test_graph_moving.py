"""Operators that move values: integer statements against TFLite Micro bit for bit, float ones against LiteRT."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgestill.pipeline.errors import Unsupported
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import Graph
from edgestill.pipeline.graph.operators import Concat, Gather, Reshape, Slice, StridedSlice, Transpose
from edgestill.pipeline.graph.tensor import Tensor
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.tests.single_operator import (
    Draw,
    channels,
    check_float,
    check_in_litert,
    check_in_onnx,
    check_in_tflite_micro,
    graph_of,
    int8,
    quantized,
    seeds,
    thoroughly,
)


def gather(draw: Draw) -> Graph:
    kept, rows = quantized(draw), draw(st.integers(1, 40))
    table = np.random.default_rng(draw(seeds)).integers(-128, 128, (rows, draw(channels))).astype(np.int8)
    ids = Tensor("ids", (1, *draw(st.sampled_from([(7,), (1, 7), (2, 3), (1,)]))), "int32")
    return graph_of(Gather(), [Tensor("table", table.shape, "int8", kept, table), ids], kept)


def reshape_ids(draw: Draw) -> Graph:
    target = draw(st.sampled_from([(1, 1, 12), (1, 3, 4), (1, 12)]))
    tensors = [Tensor("ids", (1, 12), "int32"), Tensor("y", target, "int32")]
    node = graph_of(Reshape(target), tensors[:1], None).nodes[0]
    return Graph({tensor.name: tensor for tensor in tensors}, (node,), ("ids",), ("y",))


def shape_of(draw: Draw, least: int = 1) -> tuple[int, ...]:
    return tuple(draw(st.lists(st.integers(least, 6), min_size=1, max_size=3)))


def concat(draw: Draw) -> Graph:
    kept, shape, count = quantized(draw), shape_of(draw), draw(st.integers(1, 6))
    axis = draw(st.integers(1, len(shape)))
    tensors = []
    for index in range(count):
        own = (*shape[: axis - 1], draw(st.integers(1, 5)), *shape[axis:])
        tensors.append(int8(f"x{index}", own, kept))
    if draw(st.booleans()):
        data = np.random.default_rng(draw(seeds)).integers(-128, 128, (1, *shape)).astype(np.int8)
        tensors.append(Tensor("c", (1, *shape), "int8", kept, data))
    return graph_of(Concat(axis), tensors, kept)


def slice_(draw: Draw) -> Graph:
    kept, shape = quantized(draw), shape_of(draw)
    begin = tuple(draw(st.integers(0, n - 1)) for n in shape)
    size = tuple(draw(st.integers(1, n - first)) for n, first in zip(shape, begin, strict=True))
    return graph_of(Slice((0, *begin), (1, *size)), [int8("x", shape, kept)], kept)


def strided_slice(draw: Draw) -> Graph:
    kept, shape = quantized(draw), shape_of(draw)
    begin = tuple(draw(st.integers(0, n - 1)) for n in shape)
    end = tuple(draw(st.integers(first + 1, n)) for n, first in zip(shape, begin, strict=True))
    strides = tuple(draw(st.integers(1, 3)) for _ in shape)
    return graph_of(StridedSlice((0, *begin), (1, *end), (1, *strides)), [int8("x", shape, kept)], kept)


def transpose(draw: Draw) -> Graph:
    kept, shape = quantized(draw), shape_of(draw)
    order = draw(st.permutations(range(1, len(shape) + 1)))
    return graph_of(Transpose((0, *order)), [int8("x", shape, kept)], kept)


INTEGER = {make.__name__: make for make in (gather, reshape_ids, concat, slice_, strided_slice, transpose)}


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


@pytest.mark.parametrize("operator", [name for name in INTEGER if name != "reshape_ids"])
@given(st.data())
@thoroughly
def test_onnx_runtime_gives_the_same(operator: str, data: st.DataObject) -> None:
    graph = INTEGER[operator](data.draw)
    assume(all(len(tensor.shape) != 3 or tensor.dtype == "int32" for tensor in graph.tensors.values()))
    check_in_onnx(graph, data.draw(seeds), steps=0)


@pytest.mark.parametrize("operator", INTEGER)
@given(st.data())
@thoroughly
def test_a_written_operator_reads_back_equal(operator: str, data: st.DataObject) -> None:
    graph = INTEGER[operator](data.draw)
    assert from_tflite(to_tflite(graph)) == graph


@pytest.mark.parametrize("operator", [name for name in INTEGER if name != "reshape_ids"])
@given(st.data())
@thoroughly
def test_the_float_statement_is_litert_s_and_reads_back_equal(operator: str, data: st.DataObject) -> None:
    check_float(INTEGER[operator](data.draw), data.draw(seeds))


def test_rows_of_a_table_that_is_computed_are_refused() -> None:
    tensors = [Tensor("table", (1, 4)), Tensor("ids", (1, 3), "int32"), Tensor("y", (1, 3, 4))]
    node = graph_of(Gather(), tensors[:2], None).nodes[0]
    graph = Graph({tensor.name: tensor for tensor in tensors}, (node,), ("table", "ids"), ("y",))
    with pytest.raises(Unsupported, match="T-OPERANDS  layer 0 'y': GATHER from 'table', which is computed"):
        from_tflite(to_tflite(graph))
