"""A QDQ file in ONNX Runtime, not optimised and cut at every rounding: each layer alone, on given integers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph.from_onnx import lower
from .session import ANY_BATCH, Arrays, Run

COMPUTED = " computed"  # behind the name of integers that a layer gives, to tell them from those it is given


class OnnxLayers:
    """Takes all activations of the file's graph in its order (the input, then each node's output), int8, channels last.

    Gives, by the graph's names, the integers that each rounding of the file makes of them.
    """

    def __init__(self, path: Path, every_tensor: bool) -> None:
        import onnx
        import onnxruntime

        data = path.read_bytes()
        self._graph, self._values = lower(data, path.name)
        model = onnx.load_model_from_string(data)
        self._order = [*self._graph.inputs, *(node.outputs[0] for node in self._graph.nodes)]
        tensors = {self._graph.tensors[name].origin: name for name in self._order}
        roundings = [
            node for node in model.graph.node if node.op_type == "QuantizeLinear" and node.output[0] in tensors
        ]
        self._tensors = {node.output[0]: tensors[node.output[0]] for node in roundings}
        self._input = next(entry.name for entry in model.graph.input if entry.name in self._values)
        _cut(model, roundings)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        raw = model.SerializeToString()
        self._session = onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
        self._types = {port.name: port.type for port in self._session.get_inputs()}
        self._version = onnxruntime.__version__

    @property
    def batch(self) -> int:
        shapes = {port.name: port.shape for port in self._session.get_inputs()}
        first = shapes[self._input][0]
        return first if isinstance(first, int) else ANY_BATCH

    def facts(self) -> Mapping[str, Any]:
        return {"runtime": "onnxruntime, layer by layer", "version": self._version}

    def run(self, inputs: Arrays) -> Run:
        given = dict(zip(self._order, inputs, strict=True))
        fed = {name: self._fed(name, given) for name in self._types}
        names = [port.name for port in self._session.get_outputs()]
        found = dict(zip(names, self._session.run(names, fed), strict=True))
        return Run([], {tensor: self._found(name, found) for name, tensor in self._tensors.items()})

    def _fed(self, name: str, given: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """What the session's input of this name is: the model's own input, or the integers of a rounding."""
        tensor = self._graph.inputs[0] if name == self._input else self._tensors[name]
        kind, scale = self._types[name], self._graph.tensors[tensor].quantization
        integers = given[tensor]
        if kind == "tensor(float)":
            assert scale is not None
            return self._values[name].as_onnx(scale.dequantize(integers))
        if scale is None:  # token ids
            return self._values[name].as_onnx(integers.astype(kind.removeprefix("tensor(").removesuffix(")")))
        shift = 128 if kind == "tensor(uint8)" else 0
        return self._values[name].as_onnx((integers.astype(np.int16) + shift).astype(np.uint8 if shift else np.int8))

    def _found(self, name: str, found: Mapping[str, NDArray[Any]]) -> NDArray[np.int8]:
        array, value = found[name + COMPUTED], self._values[name]
        signed = (array.astype(np.int16) - (128 if array.dtype == np.uint8 else 0)).astype(np.int8)
        return value.as_graph(signed, self._graph.tensors[self._tensors[name]].shape)


def _cut(model: Any, roundings: list[Any]) -> None:
    """Makes what each rounding gives an output of the model, and what reads it read an input instead."""
    import onnx

    del model.graph.output[:]
    for node in roundings:
        name = node.output[0]
        kind = _zero_point_type(model, node)
        model.graph.input.append(onnx.helper.make_tensor_value_info(name, kind, None))
        node.output[0] = name + COMPUTED
        model.graph.output.append(onnx.helper.make_tensor_value_info(name + COMPUTED, kind, None))


def _zero_point_type(model: Any, node: Any) -> int:
    """The integer type of a QuantizeLinear: its zero point's, or uint8."""
    import onnx

    if len(node.input) < 3:
        return int(onnx.TensorProto.UINT8)
    constants = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    for other in model.graph.node:
        if other.op_type == "Constant" and other.attribute[0].HasField("t"):
            constants[other.output[0]] = other.attribute[0].t.data_type
    return int(constants[node.input[2]])
