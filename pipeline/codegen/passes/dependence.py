"""Which channels of a graph's activations never change, whatever the input is, and what they always are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...graph.execute import run_integer
from ...graph.graph import Graph, Node
from ...graph.operators import (
    Add,
    AveragePool2d,
    Concat,
    Conv2d,
    DepthwiseConv2d,
    FullyConnected,
    Gelu,
    HardSwish,
    LeakyRelu,
    Maximum,
    MaxPool2d,
    Mean,
    Minimum,
    MirrorPad,
    Mul,
    Operator,
    Pad,
    PRelu,
    Quantize,
    Relu,
    Relu6,
    Reshape,
    ResizeNearest,
    Rsqrt,
    Sigmoid,
    Slice,
    StridedSlice,
    Sub,
    Tanh,
    Transpose,
    TransposeConv2d,
)

Array = NDArray[Any]
WEIGHTED = (Conv2d, DepthwiseConv2d, FullyConnected, TransposeConv2d)
OF_ONE_VALUE = (Gelu, HardSwish, LeakyRelu, Quantize, Relu, Relu6, Rsqrt, Sigmoid, Tanh)
OF_TWO_VALUES = (Add, Maximum, Minimum, Mul, PRelu, Sub)
POOLING = (AveragePool2d, MaxPool2d, Mean)
MOVING = (Concat, MirrorPad, Pad, Reshape, ResizeNearest, Slice, StridedSlice, Transpose)


@dataclass(frozen=True, eq=False)
class Channels:
    """One activation by its last axis: which channels are fixed, bool (channels,), and the values of one run.

    `values` is (positions, channels); a fixed channel has these values in every run.
    """

    fixed: NDArray[np.bool_]
    values: Array

    @property
    def uniform(self) -> NDArray[np.bool_]:
        """Fixed, and with one value at all positions."""
        same: NDArray[np.bool_] = (self.values == self.values[0]).all(axis=0)
        return self.fixed & same


def channels(graph: Graph) -> Mapping[str, Channels]:
    """Of every activation of an integer graph with batch 1, by the operators' integer statements."""
    reached, values = _reached(graph), dict[str, Array]()
    zeros = [np.zeros(tensor.shape, tensor.dtype) for tensor in graph.of(graph.inputs)]
    run_integer(graph, zeros, values.__setitem__)
    return {
        name: Channels(np.asarray(_by_channel(touched == 0).all(axis=0)), _by_channel(values[name]))
        for name, touched in reached.items()
    }


def _reached(graph: Graph) -> dict[str, Array]:
    """A number for every value of every activation; where it is 0, no input reaches that value."""
    found: dict[str, Array] = {name: np.ones(graph.tensors[name].shape, np.float32) for name in graph.inputs}
    for node in graph.nodes:
        given = [found.get(name, _untouched(graph, name)) for name in node.inputs]
        found[node.outputs[0]] = _through(graph, node, given)
    return found


def _untouched(graph: Graph, name: str) -> Array:
    return np.zeros(graph.tensors[name].shape, np.float32)


def _through(graph: Graph, node: Node, given: Sequence[Array]) -> Array:
    """What reaches a node's output: its float statement says it, of zeros and ones and of weights that are not zero."""
    operator, shape = node.operator, graph.tensors[node.outputs[0]].shape
    weights = graph.tensors[node.inputs[1]].data if isinstance(operator, WEIGHTED) else None
    if weights is not None:
        return np.broadcast_to(_weighted(operator, given[0], weights != 0), shape)
    if isinstance(operator, OF_ONE_VALUE):
        return given[0]
    if isinstance(operator, OF_TWO_VALUES):
        return np.broadcast_to(reduce(np.maximum, given), shape)
    if isinstance(operator, POOLING):
        return _ones(operator.compute(given))
    if isinstance(operator, MOVING):
        return operator.compute(given)
    return np.full(shape, max(float(array.max()) for array in given), np.float32)


def _weighted(operator: Operator, x: Array, used: Array) -> Array:
    """Row by row through a dense layer; through a convolution from all positions to all, as if each read every tap."""
    if isinstance(operator, FullyConnected):
        return _ones(operator.compute([x, used.astype(np.float32)]))
    pixel, taps = x.max(axis=(1, 2), keepdims=True), used.max(axis=(1, 2), keepdims=True).astype(np.float32)
    tap = DepthwiseConv2d(multiplier=operator.multiplier) if isinstance(operator, DepthwiseConv2d) else Conv2d()
    return _ones(tap.compute([pixel, taps]))


def _ones(counts: Array) -> Array:
    return (counts > 0).astype(np.float32)


def _by_channel(array: Array) -> Array:
    return array.reshape(-1, array.shape[-1]) if array.ndim else array.reshape(1, 1)
