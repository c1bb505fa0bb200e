"""Builtins of TFLite that our graph says by other operators: each as the nodes and tensors that give its outputs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from .graph import Node
from .operators import Mul, Slice, Sub
from .tensor import Tensor
from .tflite_fields import axis_from_front


class NotCarried(Exception):
    """A layer that cannot be said otherwise: a reason code, what is wrong, and what to do."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        super().__init__(detail)


@dataclass(frozen=True)
class Rewritten:
    """Nodes in order, and every tensor that they read or write."""

    nodes: Sequence[Node]
    tensors: Sequence[Tensor]


def _split(inputs: list[Tensor], outputs: list[Tensor]) -> Rewritten:
    """SPLIT: the axis, and x in as many equal parts as there are outputs."""
    _count("SPLIT", inputs, 2)
    return _parts("SPLIT", inputs[1], inputs[0], outputs)


def _split_v(inputs: list[Tensor], outputs: list[Tensor]) -> Rewritten:
    """SPLIT_V: x, the lengths of its parts, and the axis; the outputs' own shapes say the lengths."""
    _count("SPLIT_V", inputs, 3)
    return _parts("SPLIT_V", inputs[0], inputs[2], outputs)


def _parts(name: str, x: Tensor, along: Tensor, outputs: list[Tensor]) -> Rewritten:
    """One slice for each output."""
    if along.data is None or along.data.size != 1:
        raise NotCarried("T-OPERANDS", f"{name}: its axis is computed in the model; a constant one is carried")
    if any(y.dtype != x.dtype or y.dtype not in ("float32", "int8") for y in outputs):
        raise NotCarried("T-TYPE", f"{name} on {x.dtype} is not carried; convert the model to float32 or int8")
    if any(y.quantization != x.quantization for y in outputs):
        raise NotCarried("T-SCALE", f"{name} changes scale or zero point, which its kernel does not; convert it again")
    axis = axis_from_front(int(np.ravel(along.data)[0]), x)
    ends = list(accumulate(y.shape[axis] if axis < len(y.shape) else 0 for y in outputs))
    if axis == 0 or ends[-1:] != [x.shape[axis]]:
        raise NotCarried("T-OPTION", f"{name} of {x.shape} along axis {axis} into {len(outputs)} parts; take another")
    nodes = []
    for y, end in zip(outputs, ends, strict=True):
        begin = tuple(end - y.shape[axis] if place == axis else 0 for place in range(len(x.shape)))
        nodes.append(Node(Slice(begin, (1, *y.shape[1:])), (x.name,), (y.name,)))
    return Rewritten(nodes, [x, *outputs])


def _squared_difference(inputs: list[Tensor], outputs: list[Tensor]) -> Rewritten:
    """SQUARED_DIFFERENCE of floats: a difference, and its product with itself."""
    _count("SQUARED_DIFFERENCE", inputs, 2)
    y = outputs[0]
    if {tensor.dtype for tensor in (*inputs, y)} != {"float32"}:
        raise NotCarried(
            "T-TYPE",
            f"SQUARED_DIFFERENCE on {y.dtype} is not carried, for its integers are those of no other operators; "
            "quantize the float model instead, where it becomes a SUB and a MUL",
        )
    difference = replace(y, name=f"{y.name} difference", origin="")
    names = tuple(tensor.name for tensor in inputs)
    nodes = [Node(Sub(), names, (difference.name,)), Node(Mul(), (difference.name, difference.name), (y.name,))]
    return Rewritten(nodes, [*inputs, difference, y])


def _count(name: str, inputs: list[Tensor], wanted: int) -> None:
    if len(inputs) != wanted:
        raise NotCarried(
            "T-OPERANDS", f"{name} has {len(inputs)} inputs; {wanted} are carried; convert the model again"
        )


REWRITTEN: Mapping[str, Callable[[list[Tensor], list[Tensor]], Rewritten]] = {
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "SQUARED_DIFFERENCE": _squared_difference,
}
