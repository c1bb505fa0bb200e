"""A graph as a TFLite file: float or integer, everything embedded, the same bytes every time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from .flatbuffer import WRITTEN_BY, AlignedBuffer, pack
from .graph import Graph, Node
from .offline_plan import NAME as PLAN
from .offline_plan import encoded
from .passes.float_ends import without_float_ends
from .plan import plan, unplanned_bytes
from .tensor import Quantization, Tensor
from .tflite_builtin import Builtin
from .tflite_fields import Operand
from .tflite_options import BY_OPERATOR, write_options

SCHEMA_VERSION = 3


def to_tflite(graph: Graph, entries: Mapping[str, bytes] = MappingProxyType({})) -> bytes:
    """The file that `from_tflite` reads back as an equal graph; tensor names stand in it as they are in the graph.

    Attributes that TFLite keeps as tensors (axes, paddings, a shape) become constants; metadata becomes named buffers.
    An integer graph's memory plan goes with it where TFLite Micro's own planner would take more; and so do `entries`,
    further metadata by their names.
    """
    return _Writer(graph, entries).written()


@dataclass
class _Writer:
    """The lists of the file, which grow while the graph is walked once in order."""

    graph: Graph
    entries: Mapping[str, bytes]
    buffers: list[Any] = field(default_factory=lambda: [AlignedBuffer()])  # buffer 0 is empty: activations point there
    tensors: list[Any] = field(default_factory=list)
    codes: dict[tuple[str, int], int] = field(default_factory=dict)
    index: dict[str, int] = field(default_factory=dict)  # tensor name -> its place in `tensors`
    operands: dict[tuple[tuple[int, ...], bytes], int] = field(default_factory=dict)  # numbers -> their place

    def written(self) -> bytes:
        subgraph = schema.SubGraphT()
        subgraph.name = b"main"
        subgraph.inputs = [self._tensor(name) for name in self.graph.inputs]
        subgraph.operators = [self._operator(node) for node in self.graph.nodes]
        subgraph.outputs = [self._tensor(name) for name in self.graph.outputs]
        subgraph.tensors = self.tensors
        model = schema.ModelT()
        model.version, model.description, model.subgraphs = SCHEMA_VERSION, WRITTEN_BY, [subgraph]
        model.operatorCodes = [_operator_code(*key) for key in self.codes]
        texts = {name: text.encode() for name, text in self.graph.metadata.items()}
        model.metadata = self._metadata(texts | self._plan() | dict(self.entries))
        model.buffers = self.buffers
        return pack(model)

    def _operator(self, node: Node) -> Any:
        builtin = BY_OPERATOR[type(node.operator)]
        key = (builtin.code, builtin.version(self.graph.of(node.inputs)))
        written = schema.OperatorT()
        written.opcodeIndex = self.codes.setdefault(key, len(self.codes))
        written.inputs = builtin.arranged([*map(self._tensor, node.inputs), *self._operands(node, builtin)])
        written.outputs = [self._tensor(name) for name in node.outputs]
        if builtin.options:
            written.builtinOptionsType = getattr(schema.BuiltinOptions, builtin.options)
            written.builtinOptions = write_options(node.operator, builtin)
        return written

    def _operands(self, node: Node, builtin: Builtin) -> list[int]:
        """The constant inputs that hold attributes, where the builtin has such."""
        return [self._operand(node, operand) for operand in builtin.operands]

    def _operand(self, node: Node, operand: Operand) -> int:
        """Its place; the same numbers stand in a file once."""
        values = operand.encode(node.operator, self.graph.tensors[node.outputs[0]])
        key = (values.shape, values.tobytes())
        if key not in self.operands:
            self.operands[key] = self._new_operand(node, operand, values)
        return self.operands[key]

    def _new_operand(self, node: Node, operand: Operand, values: NDArray[np.int32]) -> int:
        name = f"{node.outputs[0]}_{operand.attribute}"
        while name in self.graph.tensors or name in self.index:
            name += "_"
        return self._add(Tensor(name, values.shape, "int32", data=values))

    def _tensor(self, name: str) -> int:
        return self.index[name] if name in self.index else self._add(self.graph.tensors[name])

    def _add(self, tensor: Tensor) -> int:
        written = schema.TensorT()
        written.name = tensor.name.encode()
        written.shape = np.array(tensor.shape, np.int32)
        written.type = getattr(schema.TensorType, tensor.dtype.upper())
        written.buffer = 0 if tensor.data is None else self._buffer(tensor.data)
        written.quantization = _quantization(tensor.quantization) if tensor.quantization else None
        self.index[tensor.name] = len(self.tensors)
        self.tensors.append(written)
        return self.index[tensor.name]

    def _buffer(self, data: NDArray[Any] | bytes) -> int:
        buffer = AlignedBuffer()
        buffer.data = data if isinstance(data, bytes) else np.ascontiguousarray(data).tobytes()
        self.buffers.append(buffer)
        return len(self.buffers) - 1

    def _plan(self) -> dict[str, bytes]:
        if not without_float_ends(self.graph).is_integer():
            return {}
        best = plan(self.graph)
        return {PLAN: encoded(best.offsets, list(self.index))} if best.bytes < unplanned_bytes(self.graph) else {}

    def _metadata(self, entries: Mapping[str, bytes]) -> list[Any]:
        written = []
        for name, content in sorted(entries.items()):
            entry = schema.MetadataT()
            entry.name, entry.buffer = name.encode(), self._buffer(content)
            written.append(entry)
        return written


def _operator_code(name: str, version: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, name)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = version
    return code


def _quantization(quantization: Quantization) -> Any:
    written = schema.QuantizationParametersT()
    written.scale = quantization.scale.astype(np.float32)
    written.zeroPoint = np.full(len(quantization.scale), quantization.zero_point, np.int64)
    written.quantizedDimension = quantization.axis or 0
    return written
