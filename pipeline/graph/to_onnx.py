"""A graph as an ONNX file, channels first: float, or QDQ with the same integers; the same bytes every time."""

import onnx
from onnx import helper

from ..errors import Unsupported, choices
from .graph import Graph
from .onnx_functions import FUNCTIONS
from .onnx_nodes import SAID, say
from .onnx_writer import IntegerType, OnnxWriter
from .operators import Concat, Gather
from .passes.float_ends import without_float_ends

OPSET, IR_VERSION = 17, 8


def to_onnx(graph: Graph, activations: IntegerType = "uint8") -> bytes:
    """Opset 17, IR 8, batch 1, inputs and outputs float32 and (n,c,h,w), named `input` and `output`.

    An integer graph becomes QDQ: int8 weights and int32 biases behind a DequantizeLinear, and every activation rounded
    by a QuantizeLinear. As uint8 (the default; the same integers plus 128) ONNX Runtime is fastest on x86. A QUANTIZE
    and a DEQUANTIZE at a graph's ends are what every such file has.

    `from_onnx` reads an equal graph back, but for what ONNX cannot say: SAME padding that pads nothing comes back as
    VALID, a bias that is left out as zeros, a depthwise layer of one channel as a plain one, a dense layer on an image
    with a Reshape before it. Raises `Unsupported` for operators and mixtures of float and integer that it cannot say.
    """
    graph = without_float_ends(graph)
    _refuse(graph)
    out = OnnxWriter(graph, activations)
    inputs = _names("input", len(graph.inputs))
    outputs = _names("output", len(graph.outputs))
    for tensor, name in zip(graph.inputs, inputs, strict=True):
        out.begin(tensor, name)
    for node in graph.nodes:
        say(out, node)
    for tensor, name in zip(graph.outputs, outputs, strict=True):
        out.returned(tensor, name)
    return bytes(_model(out, inputs, outputs).SerializeToString(deterministic=True))


def _refuse(graph: Graph) -> None:
    reasons = []
    activations = graph.of([*graph.inputs, *(name for node in graph.nodes for name in node.outputs)])
    activations = [tensor for tensor in activations if tensor.dtype != "int32"]
    if len({tensor.quantization is None for tensor in activations}) > 1:
        reasons.append("O-QUANTIZATION  the graph mixes float and integer activations; quantize the whole of it")
    constants = {name for name, tensor in graph.tensors.items() if tensor.constant}
    there = choices(operator.__name__ for operator in SAID)
    for node in graph.nodes:
        if type(node.operator) not in SAID:
            reasons.append(f"O-OP-UNKNOWN  {node.outputs[0]}: {node.kind} cannot be written; there are {there}")
        elif node.inputs[0] in constants and type(node.operator) not in {Concat, Gather, *FUNCTIONS}:
            reasons.append(f"O-CONSTANT  {node.outputs[0]}: {node.kind} reads a constant as its input")
    reasons += [
        f"O-RANK  {t.origin or t.name}: {len(t.shape)} axes; 2 and 4 can be written, a series as (1,1,t,c)"
        for t in activations
        if len(t.shape) in (0, 1, 3)
    ]
    if reasons:
        raise Unsupported("ONNX", reasons)


def _names(stem: str, count: int) -> list[str]:
    return [stem] if count == 1 else [f"{stem}{index}" for index in range(count)]


def _model(out: OnnxWriter, inputs: list[str], outputs: list[str]) -> onnx.ModelProto:
    graph = helper.make_graph(
        out.nodes,
        "main",
        [_port(out, tensor, name) for tensor, name in zip(out.graph.inputs, inputs, strict=True)],
        [_port(out, tensor, name) for tensor, name in zip(out.graph.outputs, outputs, strict=True)],
        list(out.constants.values()),
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="edgestill"
    )
    helper.set_model_props(model, dict(sorted(out.graph.metadata.items())))
    return model


def _port(out: OnnxWriter, tensor: str, name: str) -> onnx.ValueInfoProto:
    kind = onnx.TensorProto.INT32 if out.tensor(tensor).dtype == "int32" else onnx.TensorProto.FLOAT
    return helper.make_tensor_value_info(name, kind, out.shape(tensor))
