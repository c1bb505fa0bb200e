"""Operators that move values: integer statements against TFLite Micro bit for bit, float ones against LiteRT."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgestill.pipeline.errors import Unsupported
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import Graph
from edgestill.pipeline.graph.operators import Gather, Reshape
from edgestill.pipeline.graph.tensor import Tensor
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.tests.single_operator import (
    Draw,
    channels,
    check_float,
    check_in_litert,
    check_in_tflite_micro,
    graph_of,
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


INTEGER = {make.__name__: make for make in (gather, reshape_ids)}


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
def test_a_written_operator_reads_back_equal(operator: str, data: st.DataObject) -> None:
    graph = INTEGER[operator](data.draw)
    assert from_tflite(to_tflite(graph)) == graph


@given(st.data())
@thoroughly
def test_the_float_statement_is_litert_s_and_reads_back_equal(data: st.DataObject) -> None:
    check_float(gather(data.draw), data.draw(seeds))


def test_rows_of_a_table_that_is_computed_are_refused() -> None:
    tensors = [Tensor("table", (1, 4)), Tensor("ids", (1, 3), "int32"), Tensor("y", (1, 3, 4))]
    node = graph_of(Gather(), tensors[:2], None).nodes[0]
    graph = Graph({tensor.name: tensor for tensor in tensors}, (node,), ("table", "ids"), ("y",))
    with pytest.raises(Unsupported, match="T-OPERANDS  layer 0 'y': GATHER from 'table', which is computed"):
        from_tflite(to_tflite(graph))
