"""A graph rebuilt with some of its channels: smaller tensors, weights without rows and columns, biases that make up."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ...graph.graph import Graph, Node
from ...graph.operators import Concat, DepthwiseConv2d, Operator, Reshape, Slice, StridedSlice
from ...graph.operators.operator import quantization
from ...graph.tensor import Quantization, Tensor
from .coupling import mixes
from .dependence import OF_TWO_VALUES

Mask = NDArray[np.bool_]
Kept = Mapping[str, Mask]
Added = Callable[[Node], NDArray[np.int64]]


def cut(graph: Graph, kept: Kept, added: Added) -> Graph:
    """The graph with the channels that `kept` marks, by activation.

    `added` says what goes to the bias of each of a mixing layer's outputs, those that are not kept among them.
    """
    return _Cut(graph, kept, added).made()


@dataclass(frozen=True)
class _Cut:
    """Walks the nodes once, in order; `tensors` grows."""

    graph: Graph
    kept: Kept
    added: Added
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def made(self) -> Graph:
        ports = self.graph.of((*self.graph.inputs, *self.graph.outputs))
        self.tensors.update({tensor.name: tensor for tensor in ports})
        nodes = tuple(self._node(node) for node in self.graph.nodes)
        return replace(self.graph, tensors=self.tensors, nodes=nodes)

    def _node(self, node: Node) -> Node:
        given = [self._named(tensor, node, position) for position, tensor in enumerate(self._inputs(node))]
        self.tensors.update({tensor.name: tensor for tensor in given})
        operator = _narrowed(node.operator, int(self.kept[node.outputs[0]].sum()))
        shape = operator.shape([tensor.shape for tensor in given])
        self.tensors[node.outputs[0]] = replace(self.graph.tensors[node.outputs[0]], shape=shape)
        return Node(operator, tuple(tensor.name for tensor in given), node.outputs)

    def _named(self, tensor: Tensor, node: Node, position: int) -> Tensor:
        """A constant that was cut, under a name of its own: others may read it whole."""
        if not tensor.constant or tensor is self.graph.tensors.get(tensor.name):
            return tensor
        name = f"{node.outputs[0]} {position}"
        while name in self.graph.tensors:
            name += "'"
        return replace(tensor, name=name)

    def _inputs(self, node: Node) -> list[Tensor]:
        """Activations as they are by now, and constants without the channels that went."""
        given = [self.tensors[name] if name in self.kept else self.graph.tensors[name] for name in node.inputs]
        marked = self.kept[node.outputs[0]]
        if mixes(self.graph, node):
            return self._mixed(node, given, marked)
        if isinstance(node.operator, DepthwiseConv2d):
            return [given[0], *(_taken(tensor, marked, -1) for tensor in given[1:])]
        if isinstance(node.operator, OF_TWO_VALUES):
            return [tensor if tensor.shape[-1:] == (1,) else _taken(tensor, marked, -1) for tensor in given]
        if isinstance(node.operator, Concat):
            return self._joined(node, node.operator, given, marked)
        return given

    def _mixed(self, node: Node, given: Sequence[Tensor], rows: Mask) -> list[Tensor]:
        x, weights, *biases = given
        before, added = self.kept[node.inputs[0]], self.added(node)[rows]
        columns = np.tile(before, weights.shape[-1] // len(before))
        bias = _taken(biases[0], rows, 0) if biases else None
        kept = _taken(_taken(weights, columns, -1), rows, 0)
        if added.any():
            bias = _raised(_zeros(x, kept) if bias is None else bias, added)
        return [x, kept, *([] if bias is None else [bias])]

    def _joined(self, node: Node, operator: Concat, given: Sequence[Tensor], marked: Mask) -> list[Tensor]:
        widths = [shape[-1] for shape in (tensor.shape for tensor in self.graph.of(node.inputs))]
        behind = operator.axis == len(given[0].shape) - 1
        parts = np.split(marked, np.cumsum(widths)[:-1]) if behind else [marked] * len(given)
        pairs = [(tensor, part) for tensor, part in zip(given, parts, strict=True) if part.any()]
        return [_taken(tensor, part, -1) for tensor, part in pairs]


def _taken(tensor: Tensor, marked: Mask, axis: int) -> Tensor:
    """A constant with the channels along an axis that are marked, and their scales; an activation as it is."""
    if tensor.data is None or marked.all():
        return tensor
    data, scales = tensor.data.compress(marked, axis), tensor.quantization
    if scales is not None and scales.scale.size == len(marked) and scales.axis == axis % tensor.data.ndim:
        scales = Quantization(scales.scale[marked], scales.zero_point, scales.axis)
    return replace(tensor, shape=data.shape, quantization=scales, data=data)


def _zeros(x: Tensor, weights: Tensor) -> Tensor:
    """The bias of a layer that had none; its name is given later."""
    steps = quantization(weights)
    scale = (quantization(x).per_tensor_scale * steps.scale.astype(np.float64)).astype(np.float32)
    data = np.zeros(weights.shape[0], np.int32)
    return Tensor("", data.shape, "int32", Quantization(scale, 0, None if steps.axis is None else 0), data)


def _raised(bias: Tensor, added: NDArray[np.int64]) -> Tensor:
    assert bias.data is not None
    return replace(bias, data=(bias.data + added).astype(np.int32))


def _narrowed(operator: Operator, width: int) -> Operator:
    """An operator that names the number of its output's channels, with another."""
    if isinstance(operator, Reshape):
        return replace(operator, target=(*operator.target[:-1], width))
    if isinstance(operator, Slice):
        return replace(operator, size=(*operator.size[:-1], width))
    if isinstance(operator, StridedSlice):
        return replace(operator, end=(*operator.end[:-1], width))
    return operator
