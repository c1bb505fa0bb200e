"""Layers that need not run on the device: what is made of constants alone, and what nobody reads."""

from dataclasses import replace

from ...graph.graph import Graph, Node


def drop_unneeded(graph: Graph) -> Graph:
    """The graph with constants in place of layers without any other input, and without what leads to no output."""
    tensors, nodes = dict(graph.tensors), list[Node]()
    for node in graph.nodes:
        given, made = [tensors[name] for name in node.inputs], tensors[node.outputs[0]]
        constants = [tensor.data for tensor in given if tensor.data is not None]
        if len(constants) < len(given) or made.name in graph.outputs:
            nodes.append(node)
        else:
            tensors[made.name] = replace(made, data=node.operator.compute_integer(constants, given, made))
    needed, kept = set(graph.outputs), list[Node]()
    for node in reversed(nodes):
        if node.outputs[0] in needed:
            needed.update(node.inputs)
            kept.insert(0, node)
    return graph if len(kept) == len(graph.nodes) else replace(graph, tensors=tensors, nodes=tuple(kept))
