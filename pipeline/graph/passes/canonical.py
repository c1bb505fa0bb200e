"""One of the several ways in which files say the same integer graph, so that two of them can be compared."""

from dataclasses import replace

import numpy as np

from ..graph import Graph, Node, renumbered
from ..operators import AveragePool2d, Conv2d, DepthwiseConv2d, FullyConnected, MaxPool2d
from ..operators.window import same_padding
from ..tensor import Quantization, Tensor

LINEAR = (Conv2d, DepthwiseConv2d, FullyConnected)


def canonical(graph: Graph) -> Graph:
    """SAME padding that pads nothing as VALID, a bias that is left out as zeros, the shortest names."""
    tensors, nodes = dict(graph.tensors), []
    for node in graph.nodes:
        if isinstance(node.operator, LINEAR) and len(node.inputs) == 2:
            bias = _zero_bias(graph, node)
            tensors[bias.name] = bias
            node = replace(node, inputs=(*node.inputs, bias.name))
        nodes.append(_unpadded(graph, node))
    return renumbered(replace(graph, tensors=tensors, nodes=tuple(nodes)))


def _zero_bias(graph: Graph, node: Node) -> Tensor:
    x, weights = graph.of(node.inputs)
    channels = weights.shape[3 if isinstance(node.operator, DepthwiseConv2d) else 0]
    name = f"{node.outputs[0]} bias"
    if x.quantization is None or weights.quantization is None:
        return Tensor(name, (channels,), data=np.zeros(channels, np.float32))
    scale = (x.quantization.per_tensor_scale * weights.quantization.scale.astype(np.float64)).astype(np.float32)
    steps = Quantization(scale, 0, None if weights.quantization.axis is None else 0)
    return Tensor(name, (channels,), "int32", steps, np.zeros(channels, np.int32))


def _unpadded(graph: Graph, node: Node) -> Node:
    operator, x = node.operator, graph.tensors[node.inputs[0]].shape
    if isinstance(operator, Conv2d | DepthwiseConv2d):
        kernel, dilation = graph.tensors[node.inputs[1]].shape[1:3], operator.dilation
    elif isinstance(operator, AveragePool2d | MaxPool2d):
        kernel, dilation = operator.kernel, (1, 1)
    else:
        return node
    sides = [same_padding(x[1 + k], kernel[k], operator.stride[k], dilation[k]) for k in (0, 1)]
    return replace(node, operator=replace(operator, padding="VALID")) if sides == [(0, 0), (0, 0)] else node
