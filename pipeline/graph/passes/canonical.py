"""One of the several ways in which files say the same integer graph, so that two of them can be compared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod

import numpy as np

from ..graph import Graph, Node
from ..operators import (
    Add,
    AveragePool2d,
    Conv2d,
    DepthwiseConv2d,
    FullyConnected,
    Maximum,
    MaxPool2d,
    Minimum,
    Mul,
    PRelu,
    Reshape,
    TransposeConv2d,
)
from ..operators.operator import Shape
from ..operators.window import same_padding
from ..tensor import Quantization, Tensor
from .float_ends import without_float_ends

LINEAR = (Conv2d, DepthwiseConv2d, FullyConnected, TransposeConv2d)
BY_VALUE = (Add, Maximum, Minimum, Mul, PRelu)


def canonical(graph: Graph) -> Graph:
    """SAME that pads nothing as VALID, a bias that is left out as zeros, a Reshape before a dense layer on images,
    constants in the rank of what they meet, integers without the floats at their ends.

    Tensors keep their names.
    """
    graph = without_float_ends(graph)
    tensors, nodes = dict(graph.tensors), []
    for node in graph.nodes:
        if isinstance(node.operator, FullyConnected) and not node.operator.keep_dims and len(_shape(graph, node)) > 2:
            flat = _flattened(graph, node)
            tensors[flat.name] = flat
            nodes.append(Node(Reshape(flat.shape), node.inputs[:1], (flat.name,)))
            node = replace(node, inputs=(flat.name, *node.inputs[1:]))
        if isinstance(node.operator, LINEAR) and len(node.inputs) == 2:
            bias = _zero_bias(node, [tensors[name] for name in node.inputs])
            tensors[bias.name] = bias
            node = replace(node, inputs=(*node.inputs, bias.name))
        for constant in _spread(node, tensors):
            tensors[constant.name] = constant
        nodes.append(_unpadded(graph, node))
    return replace(graph, tensors=tensors, nodes=tuple(nodes))


def _shape(graph: Graph, node: Node) -> Shape:
    return graph.tensors[node.inputs[0]].shape


def _flattened(graph: Graph, node: Node) -> Tensor:
    image = graph.tensors[node.inputs[0]]
    return replace(image, name=f"{node.outputs[0]} flat", shape=(1, prod(image.shape)), origin="")


def _zero_bias(node: Node, operands: Sequence[Tensor]) -> Tensor:
    x, weights = operands
    channels = weights.shape[3 if isinstance(node.operator, DepthwiseConv2d) else 0]
    name = f"{node.outputs[0]} bias"
    if x.quantization is None or weights.quantization is None:
        return Tensor(name, (channels,), data=np.zeros(channels, np.float32))
    scale = (x.quantization.per_tensor_scale * weights.quantization.scale.astype(np.float64)).astype(np.float32)
    steps = Quantization(scale, 0, None if weights.quantization.axis is None else 0)
    return Tensor(name, (channels,), "int32", steps, np.zeros(channels, np.int32))


def _spread(node: Node, tensors: Mapping[str, Tensor]) -> Iterator[Tensor]:
    """Constants that broadcast in an operator that works value by value, in the rank of its output."""
    rank = len(tensors[node.outputs[0]].shape)
    for tensor in [tensors[name] for name in node.inputs] if isinstance(node.operator, BY_VALUE) else []:
        if tensor.data is not None and len(tensor.shape) < rank:
            shape = (1,) * (rank - len(tensor.shape)) + tensor.shape
            yield replace(tensor, shape=shape, data=tensor.data.reshape(shape))


def _unpadded(graph: Graph, node: Node) -> Node:
    operator = node.operator
    if isinstance(operator, Conv2d | DepthwiseConv2d):
        kernel, dilation = graph.tensors[node.inputs[1]].shape[1:3], operator.dilation
    elif isinstance(operator, AveragePool2d | MaxPool2d):
        kernel, dilation = operator.kernel, (1, 1)
    else:
        return node
    x = _shape(graph, node)
    sides = [same_padding(x[1 + k], kernel[k], operator.stride[k], dilation[k]) for k in (0, 1)]
    return replace(node, operator=replace(operator, padding="VALID")) if sides == [(0, 0), (0, 0)] else node
