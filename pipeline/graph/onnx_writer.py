"""The lists of an ONNX file, which grow while a graph is written: nodes, constants, and the names of things."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from .graph import Graph
from .lowering.layout import Channels
from .operators import FullyConnected
from .tensor import Quantization, Tensor

IntegerType = Literal["uint8", "int8"]
TURNS: Mapping[Channels, tuple[int, ...]] = {"first": (0, 3, 1, 2), "last": (0, 2, 3, 1)}  # from the other one
Sides = tuple[tuple[int, int], tuple[int, int]]  # before and after the height, and the width
T = TypeVar("T")


def onnx_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """(n,h,w,c) -> (n,c,h,w); other ranks stay."""
    return tuple(shape[axis] for axis in TURNS["first"]) if len(shape) == 4 else shape


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
    _lies: dict[str, Channels] = field(default_factory=dict)
    _turned: dict[tuple[str, Channels], str] = field(default_factory=dict)
    _made: Counter[str] = field(default_factory=Counter)

    def tensor(self, name: str) -> Tensor:
        return self.graph.tensors[name]

    def read(self, name: str, channels: Channels = "first") -> str:
        """The ONNX name under which an activation is read as float, its channels standing there."""
        if self.lies(name) == channels or len(self.tensor(name).shape) != 4:
            return self._reads[name]
        key = (name, channels)
        if key not in self._turned:
            self._turned[key] = self.node(name, "Transpose", [self._reads[name]], perm=TURNS[channels])
        return self._turned[key]

    def lies(self, name: str) -> Channels:
        """Where the channels of a tensor of four axes stand in the file."""
        return self._lies.get(name, "first")

    def lay(self, name: str, channels: Channels) -> None:
        """Says that a tensor which is about to be written has its channels there."""
        self._lies[name] = channels

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape that a tensor has in the file."""
        return tuple(self.ordered(name, self.tensor(name).shape))

    def axis(self, name: str, axis: int) -> int:
        """The axis of a tensor in the file for one of the graph's."""
        turned = len(self.tensor(name).shape) == 4 and self.lies(name) == "first"
        return TURNS["last"][axis] if turned else axis

    def ordered(self, name: str, values: Sequence[T]) -> list[T]:
        """One value for each axis of the graph's tensor, as the axes stand in the file."""
        places = [self.axis(name, axis) for axis in range(len(values))]
        return [values[places.index(axis)] for axis in range(len(values))]

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
        self._reads[tensor], self.pads[tensor] = self.read(source), pads

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
        inner = self._reads[tensor]
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
