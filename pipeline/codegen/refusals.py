"""What cannot become C: named all at once, each with a reason code, the node and what to do."""

from collections.abc import Iterator

from ..errors import Unsupported
from ..graph.graph import Graph, Node
from ..graph.operators import Reshape
from .c_text import TYPES
from .layers import EMITTERS

FLOAT_CURE = "quantize it to integers from end to end: `edgestill quantize MODEL --data DATA`"


def refuse(graph: Graph, where: str) -> None:
    """`Unsupported` when some part of the graph has no integer C; names every such part."""
    reasons = [*_port_reasons(graph), *(reason for node in graph.nodes for reason in _node_reasons(graph, node))]
    if reasons:
        raise Unsupported(where, reasons, "cannot be compiled")


def _port_reasons(graph: Graph) -> Iterator[str]:
    for name in (*graph.inputs, *graph.outputs):
        tensor = graph.tensors[name]
        if tensor.dtype == "float32":
            yield f"C-FLOAT-IO  tensor {name!r} is float32: write the model with int8 inputs and outputs"
        if name in graph.outputs and (graph.producer(name) is None):
            yield f"C-OUTPUT  output {name!r} is written by no layer: leave it out of the model"


def _node_reasons(graph: Graph, node: Node) -> Iterator[str]:
    place = f"layer {graph.nodes.index(node)} {node.outputs[0]!r} ({node.kind})"
    output = graph.tensors[node.outputs[0]]
    activations = [tensor for tensor in (*graph.of(node.inputs), output) if not tensor.constant]
    if any(tensor.dtype == "float32" for tensor in activations):
        yield f"C-FLOAT  {place}: computes in float32: {FLOAT_CURE}"
    elif any(tensor.dtype not in TYPES or tensor.dtype == "int16" for tensor in activations):
        kinds = ", ".join(sorted({tensor.dtype for tensor in activations}))
        yield f"C-TYPE  {place}: works on {kinds}; kernels are for int8: quantize its activations to int8"
    elif type(node.operator) not in (*EMITTERS, Reshape):
        yield f"C-OP  {place}: has no C kernel yet; there are {', '.join(sorted(e.__name__ for e in EMITTERS))}"
