"""A ReLU that follows a layer it alone reads becomes the layer's own activation."""

from dataclasses import replace

from ..graph import Graph, Node
from ..operators import Activation, Add, Conv2d, DepthwiseConv2d, FullyConnected, Mul, Relu, Relu6, TransposeConv2d


def fuse_activations(graph: Graph) -> Graph:
    """Fuses into convolutions, dense layers, sums and products, where nobody else reads the value before.

    In an integer graph the value before must have no scale of its own: an activation between two scales stays.
    """
    fused: dict[str, Node] = {}  # the layer's old output -> the layer that now writes the activation's output
    nodes: list[Node] = []
    for node in graph.nodes:
        layer = _layer_before(graph, node)
        if layer is not None and layer in nodes:
            fused[layer.outputs[0]] = _with_activation(layer, node)
            nodes[nodes.index(layer)] = fused[layer.outputs[0]]
        else:
            nodes.append(node)
    tensors = {name: tensor for name, tensor in graph.tensors.items() if name not in fused}
    return replace(graph, nodes=tuple(nodes), tensors=tensors)


def _layer_before(graph: Graph, node: Node) -> Node | None:
    if not isinstance(node.operator, Relu | Relu6):
        return None
    name = node.inputs[0]
    layer = graph.producer(name)
    if layer is None or not isinstance(
        layer.operator, Conv2d | DepthwiseConv2d | FullyConnected | Add | Mul | TransposeConv2d
    ):
        return None
    alone = len(graph.consumers(name)) == 1 and name not in graph.outputs
    plain = layer.operator.activation == "none" and graph.tensors[name].quantization is None
    return layer if alone and plain else None


def _with_activation(layer: Node, node: Node) -> Node:
    activation: Activation = "relu6" if isinstance(node.operator, Relu6) else "relu"
    assert isinstance(layer.operator, Conv2d | DepthwiseConv2d | FullyConnected | Add | Mul | TransposeConv2d)
    return Node(replace(layer.operator, activation=activation), layer.inputs, node.outputs)
