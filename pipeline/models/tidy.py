"""What an exporter leaves behind is taken out of an ONNX model: folded constants, paddings, names, versions, notes."""

from collections import Counter

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

Constants = dict[str, NDArray[np.generic]]


def tidied(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same computation under short names that the graph alone decides; a Pad before a Conv becomes part of it."""
    graph = model.graph
    constants: Constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes = _without_pads(_without_constants(list(graph.node), constants, list(model.opset_import)), constants)
    names = _names(nodes, [value.name for value in (*graph.input, *graph.output)])
    for node in nodes:
        node.input[:] = [names[name] if name else "" for name in node.input]
        node.output[:] = [names[name] for name in node.output]
        node.name = node.output[0]
        node.doc_string = ""
    used = {name: values for name, values in constants.items() if name in names}
    tensors = [numpy_helper.from_array(values, names[name]) for name, values in used.items()]
    return helper.make_model(
        helper.make_graph(nodes, "model", graph.input, graph.output, sorted(tensors, key=lambda tensor: tensor.name)),
        opset_imports=list(model.opset_import),
        ir_version=8,
        producer_name="edgestill",
    )


def _without_constants(
    nodes: list[NodeProto], constants: Constants, opsets: list[onnx.OperatorSetIdProto]
) -> list[NodeProto]:
    """The nodes that depend on the input; the values of the others go to `constants`."""
    kept = []
    for node in nodes:
        if all(name in constants or not name for name in node.input):
            constants.update(_computed(node, constants, opsets))
        else:
            kept.append(node)
    return kept


def _computed(node: NodeProto, constants: Constants, opsets: list[onnx.OperatorSetIdProto]) -> Constants:
    outputs = [onnx.ValueInfoProto(name=name) for name in node.output]
    inputs = [numpy_helper.from_array(constants[name], name) for name in dict.fromkeys(node.input) if name]
    model = helper.make_model(helper.make_graph([node], "constant", [], outputs, inputs), opset_imports=opsets)
    return dict(zip(node.output, ReferenceEvaluator(model).run(None, {}), strict=True))


def _without_pads(nodes: list[NodeProto], constants: Constants) -> list[NodeProto]:
    """A Pad of zeros on height and width that only a Conv reads becomes that Conv's own padding."""
    readers = Counter(name for node in nodes for name in node.input)
    pads = {node.output[0]: node for node in nodes if _is_plain_pad(node, constants) and readers[node.output[0]] == 1}
    folded = set()
    for node in nodes:
        if node.op_type == "Conv" and node.input[0] in pads:
            pad = pads[node.input[0]]
            folded.add(pad.output[0])
            _widen(node, constants[pad.input[1]])
            node.input[0] = pad.input[0]
    return [node for node in nodes if node.output[0] not in folded]


def _is_plain_pad(node: NodeProto, constants: Constants) -> bool:
    if node.op_type != "Pad" or node.input[1] not in constants or len(node.input) > 3:
        return False
    mode = next((attribute.s for attribute in node.attribute if attribute.name == "mode"), b"constant")
    value = node.input[2] if len(node.input) > 2 else ""
    pads = constants[node.input[1]].tolist()
    zero = not value or (value in constants and not constants[value].any())
    return mode == b"constant" and zero and len(pads) == 8 and not any((*pads[:2], *pads[4:6])) and min(pads) >= 0


def _widen(conv: NodeProto, pads: NDArray[np.generic]) -> None:
    """Adds (n,c,h,w) x (before, after) to the convolution's own pads."""
    top, left, bottom, right = (int(pads[index]) for index in (2, 3, 6, 7))
    own = next(attribute for attribute in conv.attribute if attribute.name == "pads")
    own.ints[:] = [pad + more for pad, more in zip(own.ints, (top, left, bottom, right), strict=True)]


def _names(nodes: list[NodeProto], kept: list[str]) -> dict[str, str]:
    """New names: values after their operator and its number (conv0), constants after reader and place (conv0.1)."""
    names = {name: name for name in kept}
    seen: Counter[str] = Counter()
    for node in nodes:
        kind = node.op_type.lower()
        label = f"{kind}{seen[kind]}"
        seen[kind] += 1
        for place, name in enumerate(node.input):
            if name:
                names.setdefault(name, f"{label}.{place}")
        for place, name in enumerate(node.output):
            names.setdefault(name, label if place == 0 else f"{label}:{place}")
    return names
