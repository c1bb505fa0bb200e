"""Operators that keep their input's scale give it to tensors that have none: forwards, then backwards."""

from collections.abc import Iterable
from dataclasses import replace

from ..graph import Graph, Node
from ..tensor import Tensor

SAME_SCALE = frozenset({"AveragePool2d", "MaxPool2d", "Pad", "Relu6", "Reshape"})


def settle_scales(graph: Graph) -> Graph:
    """The graph with every scale that follows from another by a same-scale operator."""
    tensors = dict(graph.tensors)
    for node in graph.nodes:
        _hand_on(tensors, node, node.inputs[0], node.outputs[0])
    for node in reversed(graph.nodes):
        _hand_on(tensors, node, node.outputs[0], node.inputs[0])
    return replace(graph, tensors=tensors)


def float_tensors(graph: Graph) -> list[Tensor]:
    """Activations that no scale makes integer."""
    return [tensor for tensor in _activations(graph) if tensor.quantization is None]


def _activations(graph: Graph) -> Iterable[Tensor]:
    return graph.of([*graph.inputs, *(name for node in graph.nodes for name in node.outputs)])


def _hand_on(tensors: dict[str, Tensor], node: Node, giver: str, taker: str) -> None:
    scale = tensors[giver].quantization
    if node.kind in SAME_SCALE and scale is not None and tensors[taker].quantization is None:
        tensors[taker] = replace(tensors[taker], dtype="int8", quantization=scale)
