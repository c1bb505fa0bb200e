"""A layer of one tap, such as the gain and offset of a normalization, goes into the dense layers that read it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..graph import Graph, Node
from ..operators import DepthwiseConv2d, FullyConnected, Mean
from ..tensor import Tensor


def fold_affine(graph: Graph) -> Graph:
    """gain * x + offset for dense layers alone -> their weights and biases; a mean over positions may lie between."""
    for name in [node.outputs[0] for node in graph.nodes]:
        node = graph.producer(name)
        readers = _dense_readers(graph, name) if node is not None and _is_affine(graph, node) else []
        if node is not None and readers:
            graph = _without(graph, node, readers)
    return graph


def _is_affine(graph: Graph, node: Node) -> bool:
    weights = graph.tensors[node.inputs[1]] if len(node.inputs) == 3 else None
    return node.operator == DepthwiseConv2d() and weights is not None and weights.shape[1:3] == (1, 1)


def _dense_readers(graph: Graph, name: str) -> list[Node]:
    """The dense layers that read a tensor by its channels; none when anybody else reads it too."""
    width, found = graph.tensors[name].shape[-1], list[Node]()
    for reader in graph.consumers(name):
        rank = len(graph.tensors[name].shape)
        through = isinstance(reader.operator, Mean) and rank - 1 not in reader.operator.axes
        found += _dense_readers(graph, reader.outputs[0]) or [reader] if through else [reader]
    dense = all(
        isinstance(reader.operator, FullyConnected)
        and reader.inputs.count(reader.inputs[0]) == 1
        and graph.tensors[reader.inputs[1]].shape[1] == width
        for reader in found
    )
    return found if dense and name not in graph.outputs else []


def _without(graph: Graph, affine: Node, readers: Sequence[Node]) -> Graph:
    gain, offset = (graph.tensors[name].data for name in affine.inputs[1:])
    assert gain is not None and offset is not None
    tensors, changed = dict(graph.tensors), dict[str, Node]()
    for reader in readers:
        weights, *bias = graph.of(reader.inputs[1:])
        assert weights.data is not None
        wide = weights.data.astype(np.float64)
        moved = wide @ offset + (0 if not bias or bias[0].data is None else bias[0].data)
        constants = [
            Tensor(f"{reader.outputs[0]} w", weights.shape, data=(wide * gain.ravel()).astype(np.float32)),
            Tensor(f"{reader.outputs[0]} b", moved.shape, data=moved.astype(np.float32)),
        ]
        tensors.update({tensor.name: tensor for tensor in constants})
        changed[reader.outputs[0]] = replace(reader, inputs=(reader.inputs[0], *(t.name for t in constants)))
    source, name = affine.inputs[0], affine.outputs[0]
    nodes = [changed.get(node.outputs[0], node) for node in graph.nodes if node != affine]
    nodes = [replace(n, inputs=tuple(source if other == name else other for other in n.inputs)) for n in nodes]
    del tensors[name]
    return replace(graph, tensors=tensors, nodes=tuple(nodes))
