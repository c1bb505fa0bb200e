"""Tensors that must share one scale, because an operator moves or compares their integers as they are."""

from collections.abc import Iterable
from dataclasses import replace

from ..graph.graph import Graph, Node
from ..graph.operators import Conv2d, DepthwiseConv2d, FullyConnected, Quantize, TransposeConv2d
from ..graph.passes.fixed_scales import FIXED
from ..graph.passes.settle_scales import tied
from ..graph.tensor import Tensor

LINEAR = (Conv2d, DepthwiseConv2d, FullyConnected, TransposeConv2d)


class Groups:
    """Sets of names that grow together: which names have been found to belong to which others."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def root(self, name: str) -> str:
        """The name that stands for the whole group."""
        self._parent.setdefault(name, name)
        while self._parent[name] != name:
            name = self._parent[name]
        return name

    def join(self, name: str, other: str) -> None:
        self._parent[self.root(name)] = self.root(other)

    def names(self) -> Iterable[str]:
        return self._parent


def scale_groups(graph: Graph) -> list[list[str]]:
    """Every tensor that gets one scale, in groups that share it; token ids and layers' weights are in none."""
    groups = Groups()
    for name in graph.inputs:
        groups.root(name)
    for node in graph.nodes:
        for name in (*operands(node), *node.outputs):
            groups.root(name)
        for name in tied(node):
            groups.join(node.outputs[0], name)
    found: dict[str, list[str]] = {}
    for name in groups.names():
        if graph.tensors[name].dtype == "float32":
            found.setdefault(groups.root(name), []).append(name)
    return list(found.values())


def operands(node: Node) -> tuple[str, ...]:
    """The inputs that are quantized as activations are, constants among them; not a layer's weights and bias."""
    return node.inputs[:1] if isinstance(node.operator, LINEAR) else node.inputs


def separated(graph: Graph) -> Graph:
    """The float graph with a Quantize where a tensor of a scale of its own meets others that must share theirs.

    Own is the scale of what a softmax gives, and of the model's input. A Quantize on reals changes nothing.
    """
    groups, nodes, tensors = Groups(), list[Node](), dict(graph.tensors)
    own = {groups.root(name): name for name in graph.inputs}  # group -> whose scale it is
    for node in graph.nodes:
        bounds = [name for name in tied(node) if tensors[name].constant and node.kind != "Concat"]
        owners = {name: own.get(groups.root(name)) for name in tied(node) if name not in bounds}
        if len(set(owners.values())) > 1:
            for name in [name for name, owner in owners.items() if owner is not None]:
                node = _rescaled(node, name, tensors, nodes)
        for name in tied(node):
            groups.join(node.outputs[0], name)
        owner = node.kind if node.kind in FIXED else next(iter(owners.values()), None)
        if owner is not None and len(set(owners.values())) < 2:
            own[groups.root(node.outputs[0])] = owner
        nodes.append(node)
    return replace(graph, nodes=tuple(nodes), tensors=tensors)


def _rescaled(node: Node, name: str, tensors: dict[str, Tensor], nodes: list[Node]) -> Node:
    """The node reading this input in another scale, which a Quantize before it gives."""
    fresh = replace(tensors[name], name=f"{name} for {node.outputs[0]}", origin="")
    tensors[fresh.name] = fresh
    nodes.append(Node(Quantize(), (name,), (fresh.name,)))
    return replace(node, inputs=tuple(fresh.name if other == name else other for other in node.inputs))
