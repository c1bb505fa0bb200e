"""What lowering works on: values that depend on the input, constants, and the refusal of what cannot be lowered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..operators.operator import Shape
from ..tensor import Quantization
from .layout import Channels, standard_order


class Refused(Exception):
    """One node cannot be lowered: a reason code, what is wrong, and what to do."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        super().__init__(detail)


def from_front(axis: int, rank: int) -> int:
    """An axis, or an index, that may count from the last one, counted from the first; `Refused` when there is none."""
    if not -rank <= axis < rank:
        raise Refused("O-SHAPE", f"names number {axis} where there are {rank}; {-rank} to {rank - 1} are")
    return axis % rank


@dataclass(frozen=True, eq=False)
class Value:
    """An ONNX tensor that depends on the input: the graph's tensor that holds it, and where its elements lie there.

    `order` is, for every element of that tensor in memory order, its position in the flattened ONNX tensor. A reshape
    or a transposition only changes `shape` and `order`; nothing is emitted until an operator needs the elements to be
    in the standard order. `likely` says where the channels stand when lengths of 1 leave it open. The values are those
    of the tensor times `gain`, which waits for an operator that takes it in.
    """

    tensor: str
    shape: Shape
    order: NDArray[np.int64]
    likely: Channels = "first"
    gain: float = 1.0

    def as_onnx(self, array: NDArray[Any]) -> NDArray[Any]:
        """(n, ...) as it lies in the graph's tensor, as ONNX has it: (n, *shape[1:])."""
        rows = array.reshape(len(array), -1)
        placed = np.empty_like(rows)
        placed[:, self.order] = rows
        return placed.reshape(len(array), *self.shape[1:])

    def as_graph(self, array: NDArray[Any], shape: Shape) -> NDArray[Any]:
        """(n, ...) as ONNX has it, as it lies in the graph's tensor of this shape: (n, *shape[1:])."""
        return array.reshape(len(array), -1)[:, self.order].reshape(len(array), *shape[1:])

    @property
    def channels(self) -> Channels | None:
        """Where ONNX's channels stand, when the elements lie as those of one of its layouts."""
        layouts: tuple[Channels, ...] = ("first", "last") if self.likely == "first" else ("last", "first")
        return next((c for c in layouts if np.array_equal(self.order, standard_order(self.shape, c))), None)

    @property
    def axes_in_memory(self) -> tuple[int, ...] | None:
        """The ONNX axes from the outermost in memory to the innermost; None when they lie in no such order."""
        count = len(self.order)
        places = self.places.reshape(self.shape)
        steps = [int(places.take(1, axis).flat[0]) if length > 1 else count for axis, length in enumerate(self.shape)]
        axes = tuple(sorted(range(len(steps)), key=lambda axis: -steps[axis]))
        lies = np.array_equal(np.arange(count).reshape(self.shape).transpose(axes).ravel(), self.order)
        return axes if lies else None

    @property
    def places(self) -> NDArray[np.int64]:
        """For every element of the flattened ONNX tensor, its position in memory."""
        places = np.empty_like(self.order)
        places[self.order] = np.arange(len(self.order))
        return places

    def permuted(self, axes: Sequence[int]) -> "Value":
        """The same elements with the ONNX axes in another order; nothing is moved."""
        count = len(self.order)
        place_of = np.empty_like(self.order)
        place_of[np.arange(count).reshape(self.shape).transpose(axes).ravel()] = np.arange(count)
        return replace(self, shape=tuple(self.shape[axis] for axis in axes), order=place_of[self.order])


@dataclass(frozen=True, eq=False)
class Constant:
    """A constant in ONNX's layout; where `quantization` is given, `data` holds the integers."""

    data: NDArray[Any]
    quantization: Quantization | None = None

    def transposed(self, axes: Sequence[int]) -> "Constant":
        """Axes in another order; the axis of the scales goes along."""
        quantization = self.quantization
        if quantization is not None and quantization.axis is not None:
            quantization = replace(quantization, axis=list(axes).index(quantization.axis))
        return Constant(np.ascontiguousarray(self.data.transpose(axes)), quantization)

    def real(self) -> NDArray[np.float32]:
        """The constant as float32."""
        return self.data.astype(np.float32) if self.quantization is None else self.quantization.dequantize(self.data)
