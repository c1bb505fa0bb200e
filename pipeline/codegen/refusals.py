"""What cannot become C: named all at once, each with a reason code, the node and what to do."""

from collections.abc import Iterator, Sequence

from ..errors import Unsupported, choices
from ..graph.graph import Graph, Node
from ..graph.operators import Gather, Reshape
from ..graph.tensor import Tensor
from .layers import EMITTERS
from .overflow import overflows

FEW = 3  # layers with one fault that are told line by line
REMEDIES = {
    "C-FLOAT": "quantize it to integers from end to end: `edgestill quantize MODEL --data DATA`",
    "C-FLOAT-IO": "compile the file that `edgestill quantize` writes without --io float",
    "C-TYPE": "quantize its activations to int8",
    "C-OP": "build the model from the operators that there are",
    "C-OVERFLOW": "quantize it again on data like that which it will meet: some scale is too small by far",
    "C-CONSTANT": "let the converter fold constants, or put the result into the model",
    "C-BATCH": "convert the model again with a fixed batch of 1",
    "C-INPUT": "convert the model again with each input named once",
    "C-OUTPUT": "leave it out of the model's outputs",
}


def refuse(graph: Graph, where: str) -> None:
    """`Unsupported` when some part of the graph has no integer C; names every such part."""
    found: dict[tuple[str, str], list[int]] = {}
    for layer, node in enumerate(graph.nodes):
        for reason in _node_reasons(graph, node):
            found.setdefault(reason, []).append(layer)
    reasons = [*_port_reasons(graph)]
    for (code, what), layers in found.items():
        reasons += [_said(code, place, what) for place in _places(graph, layers)]
    if reasons:
        raise Unsupported(where, reasons, "cannot be compiled")


def _places(graph: Graph, layers: Sequence[int]) -> Iterator[str]:
    """Each layer by its name; of many with the same fault, the first by its name and all by their numbers."""
    named = [f"layer {layer} {graph.nodes[layer].outputs[0]!r} ({graph.nodes[layer].kind})" for layer in layers]
    if len(named) <= FEW:
        yield from named
    else:
        yield f"{len(named)} layers, {named[0]} and numbers {', '.join(map(str, layers[1:]))}"


def _said(code: str, place: str, what: str) -> str:
    return f"{code}  {place}: {what}; {REMEDIES[code]}"


def _port_reasons(graph: Graph) -> Iterator[str]:
    for name in dict.fromkeys((*graph.inputs, *graph.outputs)):
        tensor = graph.tensors[name]
        if tensor.dtype == "float32":
            yield _said("C-FLOAT-IO", f"tensor {name!r}", "is float32")
    for name in dict.fromkeys(graph.inputs):
        if graph.inputs.count(name) > 1:
            yield _said("C-INPUT", f"input {name!r}", f"stands {graph.inputs.count(name)} times among the inputs")
        if graph.tensors[name].shape[:1] != (1,):
            yield _said("C-BATCH", f"input {name!r}", f"has shape {graph.tensors[name].shape}")
    reached = set(graph.inputs)
    for node in graph.nodes:
        reached.update(node.outputs if reached.intersection(node.inputs) else ())
    for name in dict.fromkeys(graph.outputs):
        if graph.producer(name) is None:
            yield _said("C-OUTPUT", f"output {name!r}", "is written by no layer")
        elif name not in reached:
            yield _said("C-OUTPUT", f"output {name!r}", "is made of constants alone, whatever the inputs are")


def _node_reasons(graph: Graph, node: Node) -> Iterator[tuple[str, str]]:
    inputs, output = graph.of(node.inputs), graph.tensors[node.outputs[0]]
    activations = [tensor for tensor in (*inputs, output) if not tensor.constant]
    if any(tensor.dtype == "float32" for tensor in activations):
        yield "C-FLOAT", "float32 where integers are wanted"
    elif type(node.operator) not in (*EMITTERS, Reshape):
        yield "C-OP", f"has no C kernel; there are {choices(kind.__name__ for kind in (*EMITTERS, Reshape))}"
    elif any(not _taken(node, tensor) for tensor in activations):
        kinds = choices({tensor.dtype for tensor in activations})
        yield "C-TYPE", f"works on {kinds}; kernels are for int8"
    elif all(tensor.constant for tensor in inputs):
        yield "C-CONSTANT", "works on constants alone"
    elif overflows(node.operator, inputs, output):
        yield "C-OVERFLOW", f"can leave 32 bits; its scales are {_scales((*inputs, output))}"


def _taken(node: Node, tensor: Tensor) -> bool:
    """Whether kernels are for a tensor's type: token ids are looked up, or have their axes named anew."""
    return tensor.dtype == "int8" or (tensor.dtype == "int32" and isinstance(node.operator, Gather | Reshape))


def _scales(tensors: tuple[Tensor, ...]) -> str:
    """Of each tensor that has any, its greatest one."""
    return ", ".join(f"{t.quantization.scale.max():g}" for t in tensors if t.quantization is not None)
