"""What lowering has built so far: the graph's tensors and nodes, and what each ONNX name stands for."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from math import prod
from typing import cast

import numpy as np
from numpy.typing import NDArray

from ..graph import Graph, Node
from ..limits import LARGEST, MEMORY
from ..operators import Mul, Operator, Reshape, Transpose
from ..operators.operator import Shape
from ..passes.settle_scales import SAME_SCALE
from ..tensor import DType, Tensor
from .layout import Channels, graph_shape, standard_order
from .reader import OnnxModel
from .turning import on_own_axes, transposition
from .value import Constant, Refused, Value

__all__ = ["Builder", "Constant", "Refused", "Value"]


class Builder:
    """Grows while the nodes are lowered in order; `graph()` is what came out."""

    def __init__(self, model: OnnxModel) -> None:
        self.constants = {name: Constant(data) for name, data in model.constants.items()}
        self.values: dict[str, Value] = {}
        self.rounded: set[str] = set()  # tensors whose integers the file names
        self._uses = Counter(name for node in model.nodes for name in node.inputs) + Counter(model.outputs)
        self._tensors: dict[str, Tensor] = {}
        self._nodes: list[Node] = []
        self._moved: dict[tuple[Operator, tuple[str, ...]], str] = {}  # what reshapes and turns of a tensor gave
        self._left = MEMORY

    # What a node's inputs are.

    def value(self, name: str) -> Value:
        """The reals of this ONNX name; `Refused` when it is a constant, or token ids."""
        value = self.any_value(name)
        if self.tensor(value).dtype == "int32":
            raise Refused("O-IDS", f"computes with token ids, {name!r}; only Gather may, from a table of embeddings")
        return value if value.gain == 1.0 else self._multiplied(value, name)

    def scaled(self, name: str) -> tuple[Value, float]:
        """The reals of this ONNX name without a factor that waits, and the factor."""
        value = self.any_value(name)
        return (replace(value, gain=1.0), value.gain) if value.gain != 1.0 else (self.value(name), 1.0)

    def any_value(self, name: str) -> Value:
        """The value of this ONNX name, reals or token ids; `Refused` when it is a constant."""
        if name in self.constants:
            raise Refused(
                "O-CONSTANT", f"its input {name!r} is a constant; a value that depends on the input is carried"
            )
        return self.values[name]

    def constant(self, name: str) -> Constant:
        """The constant of this ONNX name; `Refused` when it depends on the input."""
        if name not in self.constants:
            raise Refused("O-DYNAMIC", f"its input {name!r} is not a constant; export the model with constant weights")
        return self.constants[name]

    def numbers(self, name: str) -> list[int]:
        """A constant list of integers: axes, pads, a shape."""
        return [int(number) for number in self.constant(name).data.ravel()]

    def only_use(self, value: Value) -> bool:
        """Whether one node reads the value's tensor, by whatever ONNX name, and the model does not return it."""
        names = [name for name, other in self.values.items() if other.tensor == value.tensor]
        views = len(names) - 1  # each further name was made by a node that moved nothing
        return sum(self._uses[name] for name in names) - views == 1

    def spend(self, count: int) -> None:
        """Says that so many bytes are about to be taken; `Refused` when the model has taken its share."""
        self._left -= count
        if self._left < 0:
            raise Refused("O-SHAPE", f"is one too many: the model's tensors take more than {MEMORY} bytes to read")

    def tensor(self, value: Value) -> Tensor:
        return self._tensors[value.tensor]

    def standard(self, value: Value) -> Value:
        """The same value with its elements in the standard order and shape, channels first in ONNX."""
        return self.lying(value, "first")

    def aligned(self, value: Value) -> tuple[Value, Channels]:
        """The same value laid out, and where its channels stand: as it lies, or turned when it lies in no layout."""
        channels = value.channels or "last"
        return self.lying(value, channels), channels

    def lying(self, value: Value, channels: Channels) -> Value:
        """The same value laid out with its channels there: by a Reshape where one is enough, or turned."""
        target = graph_shape(value.shape, channels)
        if np.array_equal(value.order, standard_order(value.shape, channels)):
            return replace(self.shaped(value, target), likely=channels)
        return replace(self._turned(value, target, standard_order(value.shape, channels)), likely=channels)

    def plainly(self, value: Value, shape: Shape) -> Value:
        """The same value in a tensor of this shape, its elements in the order in which ONNX has them."""
        order = standard_order(value.shape, "last")
        if np.array_equal(value.order, order):
            return self.shaped(value, shape)
        return self._turned(value, shape, order)

    def laid_out(self, value: Value) -> Value:
        """The same value in a tensor of the graph's shape, whatever the order of its elements."""
        return self.shaped(value, graph_shape(value.shape, value.channels or "first"))

    def shaped(self, value: Value, shape: Shape) -> Value:
        """The same value in a tensor of this shape."""
        if self.tensor(value).shape == shape:
            return value
        return replace(value, tensor=self.emit(Reshape(shape), [value.tensor], ""))

    def _multiplied(self, value: Value, name: str) -> Value:
        """The value with its factor taken in, by a product."""
        if self.tensor(value).quantization is not None:
            raise Refused(
                "O-QUANTIZATION", f"reads {name!r}, a scaled quantized tensor; fold the factor into its layer"
            )
        factor = self.keep(Constant(np.full([1] * len(self.tensor(value).shape), value.gain)), "")
        self.values[name] = replace(value, tensor=self.emit(Mul(), [value.tensor, factor], name), gain=1.0)
        return self.values[name]

    def _turned(self, value: Value, shape: Shape, order: NDArray[np.int64]) -> Value:
        """The same value in a tensor of this shape whose elements lie in this order."""
        turn = transposition(value.places[order])
        if turn is None:
            value = self._turned_before(value, order)
            turn = transposition(value.places[order])
        if turn is None:
            raise Refused("O-LAYOUT", f"its input {value.shape} mixes axes in a way that no two transpositions undo")
        own = on_own_axes(self.tensor(value).shape, *turn, shape)
        if own is None:
            ones = max(4 - len(turn[0]), 1)  # in front: files know tensors of two and four axes best
            value = self.shaped(value, (*(1,) * ones, *turn[0]))
            own = (*range(ones), *(axis + ones for axis in turn[1]))
        turned = replace(value, tensor=self.emit(Transpose(own), [value.tensor], ""), order=order)
        return self.shaped(turned, shape)

    def _turned_before(self, value: Value, order: NDArray[np.int64]) -> Value:
        """The same value with its tensor's axes in an order from which one transposition leads to this order of its
        elements; as it is where there is none."""
        shape = self.tensor(value).shape
        for axes in permutations(range(1, len(shape))):
            turned = replace(value, order=value.order.reshape(shape).transpose(0, *axes).ravel())
            if transposition(turned.places[order]) is not None:
                return replace(turned, tensor=self.emit(Transpose((0, *axes)), [value.tensor], ""))
        return value

    def used(self, name: str) -> bool:
        """Whether any node reads this ONNX name, or the model returns it."""
        return bool(name) and self._uses[name] > 0

    # What a node gives.

    def input(self, name: str, shape: Shape, dtype: str, value: Value) -> None:
        """Makes the model's input."""
        self._tensors[value.tensor] = Tensor(value.tensor, shape, cast(DType, dtype), origin=name)
        self.values[name] = value

    def image(
        self, operator: Operator, inputs: Sequence[str], shape: Shape, origin: str, channels: Channels = "first"
    ) -> Value:
        """One more operator, whose output has this ONNX shape and lies in the standard order."""
        value = Value(self.emit(operator, inputs, origin), shape, standard_order(shape, channels), channels)
        found, expected = self.tensor(value).shape, graph_shape(shape, channels)
        if found != expected:
            raise Refused("O-SHAPE", f"gives {found}, where ONNX says {expected}")
        return value

    def rows(self, operator: Operator, inputs: Sequence[str], shape: Shape, origin: str) -> Value:
        """One more operator, whose output lies as ONNX has it, in a tensor of any shape."""
        return Value(self.emit(operator, inputs, origin), shape, standard_order(shape, "last"), "last")

    def viewed(self, value: Value, shape: Shape) -> Value:
        """The same elements under another ONNX shape; behind two axes, which have no layout, none is likelier."""
        if prod(shape) != prod(value.shape) or min(shape, default=1) < 1:
            raise Refused("O-SHAPE", f"reshapes {value.shape} to {shape}, which holds another number of elements")
        return replace(value, shape=shape, likely="first" if len(value.shape) < 3 else value.likely)

    def permuted(self, value: Value, axes: Sequence[int]) -> Value:
        """The same elements with the ONNX axes in another order; nothing is moved."""
        self.spend(value.order.nbytes)
        return value.permuted(axes)

    def elementwise(self, operator: Operator, values: Sequence[Value], origin: str) -> Value:
        """One more operator, whose output lies as its first input does."""
        return replace(values[0], tensor=self.emit(operator, [value.tensor for value in values], origin))

    def keep(self, constant: Constant, origin: str, dtype: DType = "float32") -> str:
        """A constant tensor; integers keep their own type."""
        data = constant.data.astype(dtype) if constant.quantization is None else constant.data
        name = f"c{len(self._tensors)}"
        kind = cast(DType, str(data.dtype))
        self._tensors[name] = Tensor(name, data.shape, kind, constant.quantization, np.ascontiguousarray(data), origin)
        return name

    def change(self, tensor: Tensor) -> None:
        """Puts this tensor in the place of the one of the same name."""
        self._tensors[tensor.name] = tensor

    def writer(self, tensor: str) -> Node | None:
        """The node that writes a tensor; None for the model's input and for constants."""
        return next((node for node in reversed(self._nodes) if tensor in node.outputs), None)

    def inputs_of(self, node: Node) -> list[Tensor]:
        return [self._tensors[name] for name in node.inputs]

    def graph(self, model: OnnxModel) -> Graph:
        """Everything lowered, as a graph under provisional names."""
        for name in model.outputs:
            self.values[name] = self.aligned(self.value(name))[0]
        outputs = tuple(self.values[name].tensor for name in model.outputs)
        inputs = (self.values[model.input].tensor,)
        return Graph(dict(self._tensors), tuple(self._nodes), inputs, outputs, dict(model.metadata))

    def emit(self, operator: Operator, inputs: Sequence[str], origin: str) -> str:
        """One more operator; the tensor that it gives."""
        try:
            shape = operator.shape([self._tensors[name].shape for name in inputs])
        except ValueError as error:
            raise Refused("O-SHAPE", str(error)) from None
        if prod(shape) > LARGEST:
            raise Refused("O-SHAPE", f"gives {shape}; up to {LARGEST} values are carried")
        self.spend(8 * prod(shape))
        moved = (operator, tuple(inputs))
        if moved in self._moved:
            return self._moved[moved]
        name = f"v{len(self._tensors)}"
        if isinstance(operator, Reshape | Transpose):
            self._moved[moved] = name
        source = self._tensors[inputs[0]]
        kept = source.dtype == "int32" or (type(operator).__name__ in SAME_SCALE and source.quantization is not None)
        tensor = replace(source, name=name, shape=shape, data=None) if kept else Tensor(name, shape)
        self._tensors[name] = replace(tensor, origin=origin)
        self._nodes.append(Node(operator, tuple(inputs), (name,)))
        return name
