"""Operators that keep their input's scale hand the scale of their output back to an input that has none."""

from collections.abc import Iterable
from dataclasses import replace

from ..graph import Graph
from ..tensor import Tensor

SAME_SCALE = frozenset({"AveragePool2d", "MaxPool2d", "Pad", "Relu6", "Reshape"})


def settle_scales(graph: Graph) -> Graph:
    """The graph with every scale that follows from a later one: rounding before a maximum or a move gives the same."""
    tensors = dict(graph.tensors)
    for node in reversed(graph.nodes):
        source, scale = tensors[node.inputs[0]], tensors[node.outputs[0]].quantization
        if node.kind in SAME_SCALE and source.quantization is None and scale is not None:
            tensors[source.name] = replace(source, dtype="int8", quantization=scale)
    return replace(graph, tensors=tensors)


def float_tensors(graph: Graph) -> list[Tensor]:
    """Activations that no scale makes integer."""
    return [tensor for tensor in _activations(graph) if tensor.quantization is None]


def _activations(graph: Graph) -> Iterable[Tensor]:
    return graph.of([*graph.inputs, *(name for node in graph.nodes for name in node.outputs)])
