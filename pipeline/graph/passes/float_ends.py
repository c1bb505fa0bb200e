"""An integer graph between floats: a QUANTIZE in front, a DEQUANTIZE behind; put there, or taken away."""

from dataclasses import replace

from ..graph import Graph, Node, renumbered
from ..operators import Dequantize, Quantize
from ..tensor import Tensor


def with_float_ends(graph: Graph) -> Graph:
    """An integer graph that takes and gives float32, the same integers between; token ids stay as they are."""
    tensors, nodes = dict(graph.tensors), list(graph.nodes)
    given = {tensor.name: _reals(tensor, "given") for tensor in graph.of(graph.inputs) if tensor.dtype == "int8"}
    returned = {tensor.name: _reals(tensor, "returned") for tensor in graph.of(graph.outputs) if tensor.dtype == "int8"}
    tensors.update({reals.name: reals for reals in (*given.values(), *returned.values())})
    nodes = [
        *(Node(Quantize(), (reals.name,), (name,)) for name, reals in given.items()),
        *graph.nodes,
        *(Node(Dequantize(), (name,), (reals.name,)) for name, reals in returned.items()),
    ]
    inputs = tuple(given[name].name if name in given else name for name in graph.inputs)
    outputs = tuple(returned[name].name if name in returned else name for name in graph.outputs)
    return renumbered(replace(graph, tensors=tensors, nodes=tuple(nodes), inputs=inputs, outputs=outputs))


def without_float_ends(graph: Graph) -> Graph:
    """The integers alone where nothing else is left between a QUANTIZE of each float input and a DEQUANTIZE of each
    float output; any other graph as it is. Tensors keep their names."""
    first = {name: _only_reader(graph, name, Quantize) for name in graph.inputs}
    last = {name: _only_writer(graph, name) for name in graph.outputs}
    ends = [node for node in (*first.values(), *last.values()) if node is not None]
    if not ends:
        return graph
    nodes = tuple(node for node in graph.nodes if node not in ends)
    inputs = tuple(name if node is None else node.outputs[0] for name, node in first.items())
    outputs = tuple(name if node is None else node.inputs[0] for name, node in last.items())
    gone = {name for name, node in (*first.items(), *last.items()) if node is not None}
    tensors = {name: tensor for name, tensor in graph.tensors.items() if name not in gone}
    inner = replace(graph, tensors=tensors, nodes=nodes, inputs=inputs, outputs=outputs)
    return inner if inner.is_integer() else graph


def _reals(tensor: Tensor, what: str) -> Tensor:
    return Tensor(f"{tensor.name} {what}", tensor.shape)


def _only_reader(graph: Graph, name: str, kind: type[Quantize]) -> Node | None:
    """The QUANTIZE that alone reads a float tensor."""
    readers = graph.consumers(name)
    alone = len(readers) == 1 and isinstance(readers[0].operator, kind) and name not in graph.outputs
    return readers[0] if alone and graph.tensors[name].dtype == "float32" else None


def _only_writer(graph: Graph, name: str) -> Node | None:
    """The DEQUANTIZE that gives a float tensor nobody else reads."""
    node = graph.producer(name)
    return node if node is not None and isinstance(node.operator, Dequantize) and not graph.consumers(name) else None
