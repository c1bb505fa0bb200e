"""An explicit Pad before a convolution goes where TensorFlow's SAME padding says the same."""

from dataclasses import replace

from ..graph import Graph, Node
from ..operators import Conv2d, DepthwiseConv2d, Pad
from ..operators.window import same_padding


def absorb_padding(graph: Graph) -> Graph:
    """Pad + VALID convolution -> SAME convolution, where only that convolution reads the padded tensor."""
    nodes: list[Node] = []
    for node in graph.nodes:
        pad = graph.producer(node.inputs[0])
        if pad is not None and _says_the_same(graph, pad, node) and pad in nodes:
            assert isinstance(node.operator, Conv2d | DepthwiseConv2d)
            nodes.remove(pad)
            node = Node(replace(node.operator, padding="SAME"), (pad.inputs[0], *node.inputs[1:]), node.outputs)
        nodes.append(node)
    used = {name for node in nodes for name in (*node.inputs, *node.outputs)} | {*graph.inputs, *graph.outputs}
    return replace(graph, nodes=tuple(nodes), tensors={name: t for name, t in graph.tensors.items() if name in used})


def _says_the_same(graph: Graph, pad: Node, node: Node) -> bool:
    operator = node.operator
    if not isinstance(pad.operator, Pad) or not isinstance(operator, Conv2d | DepthwiseConv2d):
        return False
    name = node.inputs[0]
    if operator.padding != "VALID" or len(graph.consumers(name)) > 1 or name in graph.outputs:
        return False
    if graph.tensors[pad.inputs[0]].quantization != graph.tensors[name].quantization:
        return False  # somebody's file in which the pad's zeros, or the integers beside them, mean something else
    before, kernel = graph.tensors[pad.inputs[0]].shape, graph.tensors[node.inputs[1]].shape[1:3]
    same = [same_padding(before[1 + k], kernel[k], operator.stride[k], operator.dilation[k]) for k in (0, 1)]
    lengths = graph.tensors[node.outputs[0]].shape[1:3]
    alike = all(lengths[k] == -(-before[1 + k] // operator.stride[k]) for k in (0, 1))
    return alike and pad.operator.before_after == ((0, 0), *same, (0, 0))
