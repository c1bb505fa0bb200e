"""A rectifier behind a layer of the same scale becomes the layer's own clamp: both cut the same integers."""

from dataclasses import replace
from typing import Any

from ...graph.graph import Graph, Node
from ...graph.operators import (
    Activation,
    Add,
    AveragePool2d,
    Conv2d,
    DepthwiseConv2d,
    FullyConnected,
    MaxPool2d,
    Mul,
    Relu,
    Relu6,
    Sub,
    TransposeConv2d,
)

CLAMPING = (Add, AveragePool2d, Conv2d, DepthwiseConv2d, FullyConnected, MaxPool2d, Mul, Sub, TransposeConv2d)


def fuse_clamps(graph: Graph) -> Graph:
    """Where nobody else reads what lies between; where the scales differ, the rectifier requantizes and stays."""
    nodes: list[Node] = []
    for node in graph.nodes:
        layer = next((n for n in nodes if n.outputs == node.inputs), None)
        if layer is not None and _fuses(graph, layer, node):
            operator: Any = layer.operator  # one of CLAMPING
            both = _both(operator.activation, node.operator)
            nodes[nodes.index(layer)] = Node(replace(operator, activation=both), layer.inputs, node.outputs)
        else:
            nodes.append(node)
    return graph if len(nodes) == len(graph.nodes) else replace(graph, nodes=tuple(nodes))


def _fuses(graph: Graph, layer: Node, node: Node) -> bool:
    if not isinstance(node.operator, Relu | Relu6) or not isinstance(layer.operator, CLAMPING):
        return False
    (between,) = node.inputs
    alone = len(graph.consumers(between)) == 1 and between not in graph.outputs
    return alone and graph.tensors[between].quantization == graph.tensors[node.outputs[0]].quantization


def _both(activation: Activation, rectifier: object) -> Activation:
    return "relu6" if activation == "relu6" or isinstance(rectifier, Relu6) else "relu"
