"""A mean that keeps its axes and the Reshape that drops them become one mean."""

from dataclasses import replace

from ..graph import Graph, Node
from ..operators import Mean, Reshape


def merge_means(graph: Graph) -> Graph:
    """Mean(keep_dims) + Reshape -> Mean, where only that Reshape reads the mean and only drops what was reduced."""
    nodes: list[Node] = []
    tensors = dict(graph.tensors)
    for node in graph.nodes:
        mean = graph.producer(node.inputs[0])
        if mean is not None and _only_drops(graph, mean, node) and mean in nodes:
            assert isinstance(mean.operator, Mean)
            nodes.remove(mean)
            (name,) = node.outputs
            tensors[name] = replace(tensors[name], origin=tensors[name].origin or tensors[mean.outputs[0]].origin)
            node = Node(replace(mean.operator, keep_dims=False), mean.inputs, node.outputs)
        nodes.append(node)
    used = {name for node in nodes for name in (*node.inputs, *node.outputs)} | {*graph.inputs, *graph.outputs}
    return replace(graph, nodes=tuple(nodes), tensors={name: t for name, t in tensors.items() if name in used})


def _only_drops(graph: Graph, mean: Node, node: Node) -> bool:
    if not isinstance(mean.operator, Mean) or not isinstance(node.operator, Reshape) or not mean.operator.keep_dims:
        return False
    name = node.inputs[0]
    if len(graph.consumers(name)) > 1 or name in graph.outputs:
        return False
    dropped = replace(mean.operator, keep_dims=False).shape([graph.tensors[mean.inputs[0]].shape])
    return dropped == graph.tensors[node.outputs[0]].shape
