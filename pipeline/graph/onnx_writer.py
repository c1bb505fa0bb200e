"""The lists of an ONNX file, which grow while a graph is written: nodes, constants, and the names of things."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from .graph import Graph
from .operators import FullyConnected
from .tensor import Quantization, Tensor

IntegerType = Literal["uint8", "int8"]
Sides = tuple[tuple[int, int], tuple[int, int]]  # before and after the height, and the width


@dataclass
class OnnxWriter:
    """Names say what they hold: `t3_conv` is float, `t3_q` the integers of tensor t3, `t3_d` the reals behind them."""

    graph: Graph
    activations: IntegerType = "uint8"
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, onnx.TensorProto] = field(default_factory=dict)
    orders: dict[str, NDArray[np.int64]] = field(default_factory=dict)  # of tensors flattened channels first
    pads: dict[str, Sides] = field(default_factory=dict)  # of padded tensors that exist only inside a convolution
    _reads: dict[str, str] = field(default_factory=dict)
    _made: Counter[str] = field(default_factory=Counter)

    def tensor(self, name: str) -> Tensor:
        return self.graph.tensors[name]

    def read(self, name: str) -> str:
        """The ONNX name under which an activation is read as float."""
        return self._reads[name]

    def only_dense_read(self, name: str) -> bool:
        """Whether dense layers alone read this tensor."""
        readers = self.graph.consumers(name)
        return name not in self.graph.outputs and all(isinstance(reader.operator, FullyConnected) for reader in readers)

    def node(self, tensor: str, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        """One more node on the way to a tensor; the name of its output."""
        return self._add(operator, inputs, self._fresh(f"{tensor}_{operator.lower()}"), attributes)

    def numbers(self, name: str, values: NDArray[Any]) -> str:
        """Plain numbers, such as a shape, pads or bounds."""
        self.constants.setdefault(name, numpy_helper.from_array(np.array(values, order="C"), name))
        return name

    def constant(
        self,
        name: str,
        axes: Sequence[int],
        columns: NDArray[np.int64] | None = None,
        shape: tuple[int, ...] | None = None,
    ) -> str:
        """A constant tensor (of this shape) with its axes, and where given its columns, in ONNX's order, as float."""
        tensor = self.tensor(name)
        assert tensor.data is not None
        data = tensor.data.reshape(shape or tensor.shape).transpose(axes)
        self.numbers(name, data if columns is None else data[:, columns])
        if tensor.quantization is None:
            return name
        scale = tensor.quantization
        axis = None if scale.axis is None else list(axes).index(scale.axis)
        inputs = [name, *self._scale(name, replace(scale, axis=axis), tensor.dtype)]
        return self._add("DequantizeLinear", inputs, f"{name}_d", {} if axis is None else {"axis": axis})

    def leave_to_reader(self, tensor: str, source: str, pads: Sides) -> None:
        """A padded tensor is not written: the convolution that reads it pads `source` itself."""
        self._reads[tensor], self.pads[tensor] = self._reads[source], pads

    def begin(self, tensor: str, name: str) -> None:
        """The model's input: a float of this name, quantized at once where the graph is integer."""
        self._reads[tensor] = name
        if self.tensor(tensor).quantization is not None:
            self._quantize(tensor, name)

    def finish(self, tensor: str, name: str) -> None:
        """`name` holds the tensor's reals; an integer graph rounds them to its scale."""
        self._reads[tensor] = name
        if self.tensor(tensor).quantization is not None:
            self._quantize(tensor, name)

    def returned(self, tensor: str, name: str) -> None:
        """The tensor's reals leave the model under this name."""
        inner = self.read(tensor)
        for node in self.nodes:
            node.input[:] = [name if entry == inner else entry for entry in node.input]
            node.output[:] = [name if entry == inner else entry for entry in node.output]
        self._reads[tensor] = name

    def _quantize(self, tensor: str, name: str) -> None:
        scale = self.tensor(tensor).quantization
        assert scale is not None
        if self.activations == "uint8":
            scale = replace(scale, zero_point=scale.zero_point + 128)
        scales = self._scale(tensor, scale, self.activations)
        integers = self._add("QuantizeLinear", [name, *scales], f"{tensor}_q", {})
        self._reads[tensor] = self._add("DequantizeLinear", [integers, *scales], f"{tensor}_d", {})

    def _scale(self, name: str, scale: Quantization, dtype: str) -> list[str]:
        """Scale and zero point: scalars, or one a channel; equal zero points of constants are kept once."""
        if scale.axis is None:
            zero = np.array(scale.zero_point, dtype)
            return [self.numbers(f"{name}_s", scale.scale[0]), self.numbers(f"{name}_z", zero)]
        zeros = np.full(scale.scale.shape, scale.zero_point, dtype)
        return [self.numbers(f"{name}_s", scale.scale), self.numbers(f"zeros_{dtype}_{zeros.size}", zeros)]

    def _add(self, operator: str, inputs: Sequence[str], output: str, attributes: dict[str, Any]) -> str:
        node = helper.make_node(operator, list(inputs), [output], name=output)
        node.attribute.extend(helper.make_attribute(key, value) for key, value in sorted(attributes.items()))
        self.nodes.append(node)
        return output

    def _fresh(self, name: str) -> str:
        self._made[name] += 1
        return name if self._made[name] == 1 else f"{name}{self._made[name]}"
