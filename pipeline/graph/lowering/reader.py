"""Reads the bytes of an ONNX file into plain nodes and arrays, and says in one line why when it cannot."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from ...errors import BadModel, choices
from ..limits import LARGEST, MOST_LAYERS
from ..operators.operator import Shape

OPSETS = range(13, 23)
_INPUT_TYPES: dict[int, str] = {
    onnx.TensorProto.FLOAT: "float32",
    onnx.TensorProto.UINT8: "uint8",
    onnx.TensorProto.INT8: "int8",
    onnx.TensorProto.INT32: "int32",  # token ids
    onnx.TensorProto.INT64: "int32",
}


@dataclass(frozen=True)
class OnnxNode:
    """One node with its attributes as Python values; an input that is left out has the name ''."""

    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    proto: onnx.NodeProto

    def input(self, index: int) -> str:
        """The name of an input, '' where the node leaves it out."""
        return self.inputs[index] if index < len(self.inputs) else ""

    def __str__(self) -> str:
        return f"node {self.name!r}" if self.name else f"the node that gives {', '.join(self.outputs)!r}"


@dataclass(frozen=True)
class OnnxModel:
    """An ONNX graph with batch 1: one input, nodes in the order in which they run, and the constants by name."""

    input: str
    input_shape: Shape
    input_dtype: str
    outputs: tuple[str, ...]
    nodes: tuple[OnnxNode, ...]
    constants: Mapping[str, NDArray[Any]]
    metadata: Mapping[str, str]


def read(data: bytes, known: Iterable[str], where: str) -> OnnxModel:
    """The model in these bytes; `known` are the operators that somebody can lower. Errors: `BadModel`."""
    model = parse(data, where)
    _refuse_external_data(model, where)
    _refuse_opset(model, where)
    entry = only_input(model.graph, where)
    shape, dtype = _batch_of_one(entry, where), _INPUT_TYPES[entry.type.tensor_type.elem_type]
    carried = set(known)
    if all(_operator(node) in carried for node in model.graph.node):
        _check(model, where)  # the checker stops at the first operator it does not know: those are reported elsewhere
    return OnnxModel(
        input=entry.name,
        input_shape=shape,
        input_dtype=dtype,
        outputs=tuple(output.name for output in model.graph.output),
        nodes=tuple(_node(node) for node in model.graph.node),
        constants=_constants(model.graph, where),
        metadata={entry.key: entry.value for entry in model.metadata_props},
    )


def parse(data: bytes, where: str) -> onnx.ModelProto:
    """The file as the format has it; `BadModel` when these bytes are none, or far too many nodes."""
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf raises a DecodeError of its own
        raise BadModel(f"{where}: not an ONNX file, or a damaged one ({len(data)} bytes): {_line(error)}") from None
    if not model.graph.node:
        raise BadModel(f"{where}: not an ONNX file, or one without nodes ({len(data)} bytes)")
    if len(model.graph.node) > MOST_LAYERS:
        raise BadModel(f"{where}: has {len(model.graph.node)} nodes; up to {MOST_LAYERS} are carried")
    return model


def _refuse_external_data(model: onnx.ModelProto, where: str) -> None:
    outside = [t.name for t in model.graph.initializer if t.data_location == onnx.TensorProto.EXTERNAL]
    if outside:
        raise BadModel(
            f"{where}: {len(outside)} weights lie in another file (the first is {outside[0]!r}); "
            "save the model as one file, as torch.onnx.export(..., external_data=False) does"
        )


def _refuse_opset(model: onnx.ModelProto, where: str) -> None:
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    if opset not in OPSETS:
        raise BadModel(f"{where}: opset {opset}; opsets {OPSETS[0]} to {OPSETS[-1]} are carried: export with opset 17")


def _check(model: onnx.ModelProto, where: str) -> None:
    for output in model.graph.output:
        output.type.tensor_type.shape.SetInParent()  # the checker wants a shape there, and nobody else does
    try:
        onnx.checker.check_model(model)
    except Exception as error:  # its own ValidationError, or a UnicodeDecodeError on the way to it
        raise BadModel(f"{where}: not a valid ONNX model: {_line(error)}") from None


def only_input(graph: onnx.GraphProto, where: str) -> onnx.ValueInfoProto:
    """The model's input; `BadModel` when there is not exactly one, or it is of a type that is not carried."""
    constants = {tensor.name for tensor in graph.initializer}
    inputs: list[onnx.ValueInfoProto] = [entry for entry in graph.input if entry.name not in constants]
    if len(inputs) != 1:
        names = choices(entry.name for entry in inputs) or "none"
        raise BadModel(f"{where}: the model has {len(inputs)} inputs ({names}); models with one input are carried")
    kind = inputs[0].type.tensor_type
    if kind.elem_type not in _INPUT_TYPES:
        have = onnx.TensorProto.DataType.Name(kind.elem_type)
        raise BadModel(
            f"{where}: input {inputs[0].name!r} is {have}; there are {choices(dict.fromkeys(_INPUT_TYPES.values()))}"
        )
    return inputs[0]


def shown(entry: onnx.ValueInfoProto) -> str:
    """An input's shape for a message: 1x3x?x?."""
    dims = entry.type.tensor_type.shape.dim
    return "x".join(str(dim.dim_value or "?") for dim in dims) or "no shape"


def _batch_of_one(entry: onnx.ValueInfoProto, where: str) -> Shape:
    dims = [dim.dim_value for dim in entry.type.tensor_type.shape.dim]
    there = f"{where}: input {entry.name!r} ({shown(entry)})"
    if len(dims) not in (2, 3, 4):
        raise BadModel(
            f"{there} has {len(dims)} axes; inputs (n,features), (n,channels,length) "
            "and (n,channels,height,width) are carried"
        )
    if dims[0] > 1:
        raise BadModel(f"{there} has a fixed batch of {dims[0]}; export with batch 1")
    if min(dims[1:]) < 1:
        names = [dim.dim_param for dim in entry.type.tensor_type.shape.dim]
        free = choices(f"{axis} {names[axis]!r}".removesuffix(" ''") for axis in range(1, len(dims)) if dims[axis] < 1)
        wanted = ",".join(["1", *(str(n) if n > 0 else "N" for n in dims[1:])])
        raise BadModel(f"{there} is free in axis {free}; say the lengths with --shape {wanted}, or export it fixed")
    if prod(dims[1:]) > LARGEST:
        raise BadModel(f"{there} is too large; up to {LARGEST} values are carried")
    return (1, *dims[1:])


def _constants(graph: onnx.GraphProto, where: str) -> dict[str, NDArray[Any]]:
    try:
        return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    except (ValueError, TypeError, LookupError) as error:
        raise BadModel(f"{where}: a weight cannot be read: {_line(error)}") from None


def _node(node: onnx.NodeProto) -> OnnxNode:
    attributes = {attribute.name: _attribute(attribute) for attribute in node.attribute}
    return OnnxNode(_operator(node), node.name, tuple(node.input), tuple(node.output), attributes, node)


def _operator(node: onnx.NodeProto) -> str:
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"


def _attribute(attribute: onnx.AttributeProto) -> Any:
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return np.array(onnx.numpy_helper.to_array(value)) if isinstance(value, onnx.TensorProto) else value


def _line(error: Exception) -> str:
    """The first line of another library's message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
