"""Tensors that must share one scale, because an operator moves or compares their integers as they are."""

from ..graph.graph import Graph, Node
from ..graph.operators import Conv2d, DepthwiseConv2d, FullyConnected
from ..graph.passes.settle_scales import tied


def scale_groups(graph: Graph) -> list[list[str]]:
    """Every tensor that gets one scale, in groups that share it; token ids and layers' weights are in none."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    for name in graph.inputs:
        parent[name] = name
    for node in graph.nodes:
        for name in (*operands(node), *node.outputs):
            parent.setdefault(name, name)
        for name in tied(node):
            parent[root(node.outputs[0])] = root(name)
    groups: dict[str, list[str]] = {}
    for name in parent:
        if graph.tensors[name].dtype == "float32":
            groups.setdefault(root(name), []).append(name)
    return list(groups.values())


def operands(node: Node) -> tuple[str, ...]:
    """The inputs that are quantized as activations are, constants among them; not a layer's weights and bias."""
    return node.inputs[:1] if isinstance(node.operator, Conv2d | DepthwiseConv2d | FullyConnected) else node.inputs
