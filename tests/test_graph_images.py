"""Grouped and transposed convolutions, resizes and mirrors: integers bit for bit, floats near LiteRT's."""

from math import ceil
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgestill.pipeline.graph.execute import run_integer
from edgestill.pipeline.graph.from_onnx import from_onnx
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import Graph, renumbered
from edgestill.pipeline.graph.operators import (
    Conv2d,
    MirrorPad,
    Operator,
    ResizeBilinear,
    ResizeNearest,
    TransposeConv2d,
)
from edgestill.pipeline.graph.operators.movement import Mirror
from edgestill.pipeline.graph.operators.resizing import Alignment
from edgestill.pipeline.graph.passes.canonical import canonical
from edgestill.pipeline.graph.tensor import Quantization, Tensor
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
    paddings,
    pairs_of,
    quantized,
    samples,
    seeds,
    thoroughly,
)

alignments = st.sampled_from(get_args(Alignment))


def layer(draw: Draw, operator: Operator, x: tuple[int, ...], weights: tuple[int, ...]) -> Graph:
    """A convolution with a scale a channel and a bias."""
    rng = np.random.default_rng(draw(seeds))
    given_x = quantized(draw)
    scales = np.exp(rng.uniform(-7, -3, weights[0])).astype(np.float32)
    sums = (scales.astype(np.float64) * given_x.per_tensor_scale).astype(np.float32)
    tensors = [
        int8("x", x, given_x),
        Tensor("w", weights, "int8", Quantization(scales, 0, 0), rng.integers(-127, 128, weights).astype(np.int8)),
        Tensor(
            "b", weights[:1], "int32", Quantization(sums, 0, 0), rng.integers(-4000, 4000, weights[0]).astype(np.int32)
        ),
    ]
    if weights[0] == 1:
        tensors[1:] = [whole(tensor) for tensor in tensors[1:]]
    spread = float(sums.max()) * 60 * int(np.prod(weights[1:])) ** 0.5
    return graph_of(operator, tensors, quantized(draw, spread * draw(st.floats(0.2, 2.0))))


def whole(tensor: Tensor) -> Tensor:
    """One scale is one for the whole tensor."""
    assert tensor.quantization is not None
    return Tensor(tensor.name, tensor.shape, tensor.dtype, Quantization(tensor.quantization.scale), tensor.data)


def grouped(draw: Draw) -> Graph:
    groups, depth, kernel = draw(st.integers(2, 4)), draw(st.integers(1, 3)), draw(pairs_of(1, 3))
    size = draw(pairs_of(5, 8))
    operator = Conv2d(draw(pairs_of(1, 3)), draw(paddings), draw(pairs_of(1, 2)), draw(activations))
    return layer(draw, operator, (*size, groups * depth), (groups * draw(st.integers(1, 3)), *kernel, depth))


def transposed(draw: Draw) -> Graph:
    kernel, stride, lengths_of_x = draw(pairs_of(1, 4)), draw(pairs_of(1, 3)), draw(pairs_of(1, 5))
    reached = [s * (n - 1) + k for s, n, k in zip(stride, lengths_of_x, kernel, strict=True)]
    padding: Any = draw(paddings)
    if padding == "SAME":
        size = (lengths_of_x[0] * stride[0], lengths_of_x[1] * stride[1])
    else:
        size = (reached[0] + draw(st.integers(0, stride[0] - 1)), reached[1] + draw(st.integers(0, stride[1] - 1)))
    c, o = draw(channels), draw(channels)
    return layer(draw, TransposeConv2d(size, stride, padding, draw(activations)), (*lengths_of_x, c), (o, *kernel, c))


def resize(draw: Draw, operator: type[ResizeBilinear] | type[ResizeNearest]) -> Graph:
    kept = quantized(draw)
    size = draw(pairs_of(1, 20))
    return graph_of(
        operator(size, draw(alignments)), [int8("x", (draw(lengths), draw(lengths), draw(channels)), kept)], kept
    )


def nearest(draw: Draw) -> Graph:
    return resize(draw, ResizeNearest)


def bilinear(draw: Draw) -> Graph:
    return resize(draw, ResizeBilinear)


def mirror(draw: Draw) -> Graph:
    shape, kept = (draw(lengths), draw(lengths), draw(channels)), quantized(draw)
    mode = draw(st.sampled_from(get_args(Mirror)))
    pairs = [draw(pairs_of(0, n if mode == "symmetric" else n - 1)) for n in shape]
    return graph_of(MirrorPad(((0, 0), *pairs), mode), [int8("x", shape, kept)], kept)


INTEGER = {make.__name__: make for make in (grouped, transposed, nearest, bilinear, mirror)}


@pytest.mark.parametrize("operator", INTEGER)
@given(st.data())
@thoroughly
def test_the_integer_statement_is_tflite_micro_bit_for_bit(operator: str, data: st.DataObject) -> None:
    check_in_tflite_micro(INTEGER[operator](data.draw), data.draw(seeds))


@pytest.mark.parametrize("operator", INTEGER)
@given(st.data())
@thoroughly
def test_the_integer_statement_is_litert_s(operator: str, data: st.DataObject) -> None:
    check_in_litert(INTEGER[operator](data.draw), data.draw(seeds), 0)


@pytest.mark.parametrize("operator", INTEGER)
@given(st.data())
@thoroughly
def test_a_written_operator_reads_back_equal(operator: str, data: st.DataObject) -> None:
    graph = INTEGER[operator](data.draw)
    assert from_tflite(to_tflite(graph)) == graph


def sayable(graph: Graph) -> bool:
    """ONNX has no symmetric padding."""
    return getattr(graph.nodes[0].operator, "mode", "reflect") == "reflect"


@pytest.mark.parametrize("operator", INTEGER)
@given(st.data())
@thoroughly
def test_onnx_runtime_gives_the_same_integers_but_for_a_step(operator: str, data: st.DataObject) -> None:
    graph = INTEGER[operator](data.draw)
    assume(sayable(graph))
    resize, x = graph.nodes[0].operator, graph.tensors["x"].shape
    misplaced = resize.misplaced(x) if isinstance(resize, ResizeBilinear) else 0.0
    check_in_onnx(graph, data.draw(seeds), steps=1 + ceil(255 * misplaced))


@pytest.mark.parametrize("operator", INTEGER)
@given(st.data())
@thoroughly
def test_an_operator_comes_back_from_qdq(operator: str, data: st.DataObject) -> None:
    graph = INTEGER[operator](data.draw)
    assume(sayable(graph))
    again, wanted = from_onnx(to_onnx(graph)), renumbered(canonical(graph))
    if operator == "grouped":
        assume(graph.tensors["w"].shape[3] > 1)  # one channel a group comes back as a depthwise layer
        assert again == wanted
    inputs = samples(graph, 0)  # several alignments, and paddings, may say the same
    np.testing.assert_array_equal(run_integer(again, inputs)[0], run_integer(wanted, inputs)[0])


@pytest.mark.parametrize("operator", INTEGER)
@given(st.data())
@thoroughly
def test_the_float_statement_is_litert_s_and_reads_back_equal(operator: str, data: st.DataObject) -> None:
    check_float(INTEGER[operator](data.draw), data.draw(seeds))
