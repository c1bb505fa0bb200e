"""Operators that keep their input's scale hand the scale of their output back to an input that has none."""

from collections.abc import Iterable
from dataclasses import replace

from ..graph import Graph, Node
from ..tensor import Tensor

SAME_SCALE = frozenset(  # as their first input
    {
        "AveragePool2d",
        "Gather",
        "MaxPool2d",
        "MirrorPad",
        "Pad",
        "Relu6",
        "Reshape",
        "ResizeBilinear",
        "ResizeNearest",
        "Slice",
        "StridedSlice",
        "Transpose",
    }
)
ONE_SCALE = frozenset({"Concat", "Maximum", "Minimum"})  # as all of their inputs


def tied(node: Node) -> tuple[str, ...]:
    """The inputs that must have the scale of the node's output: what it does to integers moves or compares them."""
    if node.kind in ONE_SCALE:
        return node.inputs
    return node.inputs[:1] if node.kind in SAME_SCALE else ()


def settle_scales(graph: Graph) -> Graph:
    """The graph with every scale that follows from a later one: rounding before a maximum or a move gives the same."""
    tensors = dict(graph.tensors)
    for node in reversed(graph.nodes):
        scale = tensors[node.outputs[0]].quantization
        for source in [tensors[name] for name in tied(node)]:
            if source.dtype == "float32" and scale is not None:
                data = None if source.data is None else scale.quantize(source.data)
                tensors[source.name] = replace(source, dtype="int8", quantization=scale, data=data)
    return replace(graph, tensors=tensors)


def float_tensors(graph: Graph) -> list[Tensor]:
    """Activations that no scale makes integer."""
    return [tensor for tensor in _activations(graph) if tensor.quantization is None and tensor.dtype == "float32"]


def _activations(graph: Graph) -> Iterable[Tensor]:
    return graph.of([*graph.inputs, *(name for node in graph.nodes for name in node.outputs)])
