"""Inputs that must have their output's scale, and have another in a file of somebody else's, are requantized to it."""

from dataclasses import replace

from ..graph import Graph, Node
from ..operators import Quantize
from ..tensor import Tensor
from .settle_scales import tied


def tie_scales(graph: Graph) -> Graph:
    """A Quantize before every operator that moves or compares integers of two scales; one for each of its inputs."""
    tensors, nodes = dict(graph.tensors), []
    for node in graph.nodes:
        output = tensors[node.outputs[0]]
        other = [name for name in dict.fromkeys(tied(node)) if _unlike(tensors[name], output)]
        fresh = {name: f"{name} for {output.name}" for name in other}
        for name, given in fresh.items():
            tensors[given] = Tensor(given, tensors[name].shape, "int8", output.quantization)
            nodes.append(Node(Quantize(), (name,), (given,)))
        nodes.append(replace(node, inputs=tuple(fresh.get(name, name) for name in node.inputs)))
    return replace(graph, tensors=tensors, nodes=tuple(nodes))


def _unlike(source: Tensor, output: Tensor) -> bool:
    scales = source.quantization, output.quantization
    return not source.constant and None not in scales and scales[0] != scales[1]
