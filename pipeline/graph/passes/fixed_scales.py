"""Operators whose kernels give one scale, whatever they are fed: their outputs get it, and a Quantize behind them."""

from collections.abc import Mapping
from dataclasses import replace

from ..graph import Graph, Node
from ..operators import Quantize
from ..tensor import Quantization, Tensor, per_tensor

FIXED: Mapping[str, Quantization] = {
    "Sigmoid": per_tensor(1 / 256, -128),
    "Softmax": per_tensor(1 / 256, -128),
    "Tanh": per_tensor(1 / 128, 0),
}


def fix_scales(graph: Graph) -> Graph:
    """The same graph where each such operator's output has its fixed scale; what had another is requantized to it."""
    tensors, nodes = dict(graph.tensors), []
    for node in graph.nodes:
        output = tensors[node.outputs[0]]
        if output.quantization is None or output.quantization == FIXED.get(node.kind, output.quantization):
            nodes.append(node)
            continue
        given = Tensor(f"{output.name} fixed", output.shape, "int8", FIXED[node.kind])
        tensors[given.name] = given
        nodes += [replace(node, outputs=(given.name,)), Node(Quantize(), (given.name,), node.outputs)]
    return replace(graph, tensors=tensors, nodes=tuple(nodes))
