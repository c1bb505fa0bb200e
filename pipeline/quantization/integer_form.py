"""A float graph in the operators that integer runtimes have: what calibration watches and quantization rounds."""

from dataclasses import replace

import numpy as np

from ..graph.graph import Graph, Node
from ..graph.operators import Gelu, Mul, Sigmoid
from ..graph.tensor import Tensor
from .groups import LINEAR, separated

LOGISTIC = 1.702  # of x * sigmoid(1.702 x), which is within 0.021 of GELU everywhere (Hendrycks and Gimpel, 2016)


def integer_form(graph: Graph) -> Graph:
    """GELU by a logistic function, and a Quantize wherever one tensor is needed in two scales."""
    for node in graph.nodes:
        if isinstance(node.operator, Gelu):
            graph = _logistic(graph, node)
    return separated(graph)


def _logistic(graph: Graph, gelu: Node) -> Graph:
    """x * sigmoid(1.702 x). Between two layers, the factor goes into the first and out of the second."""
    (x,), (y,) = gelu.inputs, gelu.outputs
    before, behind = graph.producer(x), graph.consumers(y)
    tensors = dict(graph.tensors)
    steep, share = (replace(tensors[x], name=f"{y} {part}", origin="") for part in ("steep", "share"))
    tensors[share.name] = share
    if before is not None and _is_plain_layer(graph, before) and _only_layers(graph, y, behind):
        for node, factor in ((before, LOGISTIC), *((reader, 1 / LOGISTIC) for reader in behind)):
            names = node.inputs[1:] if node is before else node.inputs[1:2]
            tensors.update({name: _times(tensors[name], factor) for name in names})
        nodes = [Node(Sigmoid(), (x,), (share.name,)), Node(Mul(), (x, share.name), (y,))]
    else:
        ones = (1,) * len(tensors[x].shape)
        number = Tensor(f"{y} factor", ones, data=np.full(ones, LOGISTIC, np.float32))
        tensors.update({steep.name: steep, number.name: number})
        nodes = [
            Node(Mul(), (x, number.name), (steep.name,)),
            Node(Sigmoid(), (steep.name,), (share.name,)),
            Node(Mul(), (x, share.name), (y,)),
        ]
    place = graph.nodes.index(gelu)
    return replace(graph, tensors=tensors, nodes=(*graph.nodes[:place], *nodes, *graph.nodes[place + 1 :]))


def _is_plain_layer(graph: Graph, node: Node) -> bool:
    """Whether this layer has constants of its own and no activation, and only one reader."""
    name = node.outputs[0]
    alone = len(graph.consumers(name)) == 1 and name not in graph.outputs
    plain = isinstance(node.operator, LINEAR) and node.operator.activation == "none"
    return alone and plain and _owns_constants(graph, node)


def _only_layers(graph: Graph, name: str, readers: list[Node]) -> bool:
    layers = all(isinstance(reader.operator, LINEAR) and reader.inputs[0] == name for reader in readers)
    return (
        layers and bool(readers) and name not in graph.outputs and all(_owns_constants(graph, one) for one in readers)
    )


def _owns_constants(graph: Graph, node: Node) -> bool:
    return all(len(graph.consumers(name)) == 1 for name in node.inputs[1:])


def _times(tensor: Tensor, factor: float) -> Tensor:
    assert tensor.data is not None
    return replace(tensor, data=(tensor.data.astype(np.float64) * factor).astype(np.float32))
