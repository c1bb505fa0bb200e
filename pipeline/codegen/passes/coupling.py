"""Which channels of a graph's activations stand and fall together, and which must stay whatever they hold."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...graph.graph import Graph, Node
from ...graph.operators import (
    Concat,
    Conv2d,
    DepthwiseConv2d,
    FullyConnected,
    Mean,
    MirrorPad,
    Pad,
    Reshape,
    ResizeBilinear,
    ResizeNearest,
    Slice,
    StridedSlice,
    Transpose,
    TransposeConv2d,
)
from ...graph.tensor import Tensor
from .dependence import OF_ONE_VALUE, OF_TWO_VALUES, POOLING

Indices = NDArray[np.int64]
MIXING = (Conv2d, FullyConnected, TransposeConv2d)  # each output channel reads every input channel
ALONG = (*OF_ONE_VALUE, *POOLING, MirrorPad, Pad, ResizeBilinear, ResizeNearest, Slice, StridedSlice, Transpose)


@dataclass(frozen=True)
class Link:
    """Channels of one activation that cannot go without those of another, pair by pair."""

    one: str
    ones: Indices
    other: str
    others: Indices


class Groups:
    """Every channel of every activation in one row, and the group that each belongs to."""

    def __init__(self, graph: Graph) -> None:
        names = [*graph.inputs, *(name for node in graph.nodes for name in node.outputs)]
        widths = {name: _width(graph, name) for name in names}
        starts = np.cumsum([0, *widths.values()])
        self.spans = {name: slice(int(a), int(b)) for name, a, b in zip(names, starts, starts[1:], strict=False)}
        self.of = self._grouped(list(_links(graph)), int(starts[-1]))
        self.stays = np.zeros(int(starts[-1]), bool)
        for name in _staying(graph):
            self.stays[self.spans[name]] = True

    def any_of(self, marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Every channel in whose group one is marked."""
        return np.asarray(np.bincount(self.of, marked, len(self.of)) > 0)[self.of]

    def _grouped(self, links: Sequence[Link], count: int) -> Indices:
        """The least channel of each channel's group."""
        ones = np.concatenate([self.spans[link.one].start + link.ones for link in links] or [np.arange(0)])
        others = np.concatenate([self.spans[link.other].start + link.others for link in links] or [np.arange(0)])
        least = np.arange(count)
        while True:
            before = least.copy()
            lower = np.minimum(least[ones], least[others])
            np.minimum.at(least, ones, lower)
            np.minimum.at(least, others, lower)
            least = least[least]
            if np.array_equal(before, least):
                return least


def is_grouped(graph: Graph, node: Node) -> bool:
    """Whether a node is a convolution in groups, whose channels cannot go one by one."""
    return isinstance(node.operator, Conv2d) and _width(graph, node.inputs[0]) != graph.tensors[node.inputs[1]].shape[3]


def mixes(graph: Graph, node: Node) -> bool:
    """Whether a node is a layer out of which channels can be cut: columns of its weights before, rows behind."""
    if not isinstance(node.operator, MIXING) or is_grouped(graph, node):
        return False
    given, *weights = graph.of(node.inputs)
    columns = weights[0].shape[-1]
    return all(tensor.constant for tensor in weights) and columns % given.shape[-1] == 0 and not given.constant


def _links(graph: Graph) -> Iterator[Link]:
    for node in graph.nodes:
        for position, ones, others in _pairs(graph, node) or ():
            yield Link(node.inputs[position], ones, node.outputs[0], others)


def _staying(graph: Graph) -> Iterator[str]:
    """Inputs and outputs of the graph, and whatever meets an operator that no channel can be cut out of."""
    yield from (*graph.inputs, *(name for name in graph.outputs if not graph.tensors[name].constant))
    for node in graph.nodes:
        if not mixes(graph, node) and _pairs(graph, node) is None:
            yield from (*(name for name in node.inputs if not graph.tensors[name].constant), *node.outputs)


def _pairs(graph: Graph, node: Node) -> list[tuple[int, Indices, Indices]] | None:
    """By an input's position: its channels and the node's output channels that they make; None where nothing can go."""
    operator, given, made = node.operator, graph.of(node.inputs), graph.tensors[node.outputs[0]]
    if min(len(tensor.shape) for tensor in (made, *given[:1])) < 2:
        return None
    before, behind = np.arange(given[0].shape[-1]), np.arange(made.shape[-1])
    if isinstance(operator, OF_TWO_VALUES):
        return _of_two(given, behind)
    if isinstance(operator, Concat):
        return _joined(operator, given, behind)
    if given[0].constant:
        return None
    if isinstance(operator, DepthwiseConv2d):
        return [(0, behind // operator.multiplier, behind)] if all(t.constant for t in given[1:]) else None
    if isinstance(operator, Reshape):
        return _reshaped(before, behind)
    if isinstance(operator, ALONG) and _keeps_channels(node, len(given[0].shape)):
        return [(0, before, behind)] if len(before) == len(behind) else None
    return None


def _of_two(given: Sequence[Tensor], behind: Indices) -> list[tuple[int, Indices, Indices]] | None:
    """An operand with one channel for all stays; it may be a constant."""
    if any(not t.constant and t.shape[-1] != len(behind) for t in given):
        return None
    return [(position, behind, behind) for position, tensor in enumerate(given) if not tensor.constant]


def _joined(operator: Concat, given: Sequence[Tensor], behind: Indices) -> list[tuple[int, Indices, Indices]]:
    last = operator.axis == len(given[0].shape) - 1
    starts = np.cumsum([0, *(tensor.shape[-1] if last else 0 for tensor in given)])
    return [
        (position, np.arange(tensor.shape[-1]), starts[position] + np.arange(tensor.shape[-1]))
        for position, tensor in enumerate(given)
        if not tensor.constant
    ]


def _reshaped(before: Indices, behind: Indices) -> list[tuple[int, Indices, Indices]] | None:
    """Several positions in one row, or one row as several positions: channels repeat."""
    if len(behind) % len(before) == 0:
        return [(0, behind % len(before), behind)]
    return [(0, before, before % len(behind))] if len(before) % len(behind) == 0 else None


def _keeps_channels(node: Node, rank: int) -> bool:
    operator = node.operator
    if isinstance(operator, Mean):
        return rank - 1 not in operator.axes
    if isinstance(operator, Pad | MirrorPad):
        return operator.before_after[-1] == (0, 0)
    if isinstance(operator, Transpose):
        return operator.order[-1] == rank - 1
    return True


def _width(graph: Graph, name: str) -> int:
    shape = graph.tensors[name].shape
    return shape[-1] if shape else 1
