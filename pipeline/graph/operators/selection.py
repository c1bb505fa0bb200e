"""Operators that cut, join and turn tensors and do no arithmetic: input and output share one scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..tensor import Tensor
from .operator import Arrays, Shape


@dataclass(frozen=True)
class Concat:
    """Its inputs one behind the other along `axis`, never the batch; a constant among them stands in every sample."""

    axis: int

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        first, axis = inputs[0], self.axis
        if not 0 < axis < len(first) or any(
            (*s[:axis], *s[axis + 1 :]) != (*first[:axis], *first[axis + 1 :]) for s in inputs
        ):
            raise ValueError(f"a concatenation of {', '.join(map(str, inputs))} along axis {axis}")
        return (*first[:axis], sum(shape[axis] for shape in inputs), *first[axis + 1 :])

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        batch = max(len(x) for x in inputs)
        return np.concatenate([np.broadcast_to(x, (batch, *x.shape[1:])) for x in inputs], self.axis)

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        return self.compute(inputs)


@dataclass(frozen=True)
class Slice:
    """Of each axis, `size` values from `begin` on; the batch stays whole: 0 and 1 there."""

    begin: tuple[int, ...]
    size: tuple[int, ...]

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        (x,) = inputs
        pairs = list(zip(self.begin, self.size, strict=True))
        fits = all(
            start >= 0 and length > 0 and start + length <= n for (start, length), n in zip(pairs, x, strict=True)
        )
        if not fits or pairs[0] != (0, 1):
            raise ValueError(f"a slice from {self.begin} of size {self.size} of an input of shape {x}")
        return (x[0], *self.size[1:])

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        spans = [slice(start, start + length) for start, length in zip(self.begin[1:], self.size[1:], strict=True)]
        return inputs[0][(slice(None), *spans)]

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        return self.compute(inputs)


@dataclass(frozen=True)
class StridedSlice:
    """Of each axis, every `strides`-th value from `begin` up to `end`; the batch stays whole: 0, 1 and 1 there."""

    begin: tuple[int, ...]
    end: tuple[int, ...]
    strides: tuple[int, ...]

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        (x,) = inputs
        steps = list(zip(self.begin, self.end, self.strides, strict=True))
        fits = all(0 <= start < end <= n and step > 0 for (start, end, step), n in zip(steps, x, strict=True))
        if not fits or steps[0] != (0, 1, 1):
            raise ValueError(f"a slice {steps} (begin, end, stride) of an input of shape {x}")
        return (x[0], *(-(-(end - start) // step) for start, end, step in steps[1:]))

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        steps = zip(self.begin[1:], self.end[1:], self.strides[1:], strict=True)
        return inputs[0][(slice(None), *(slice(start, end, step) for start, end, step in steps))]

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        return self.compute(inputs)


@dataclass(frozen=True)
class Transpose:
    """Its axes in another order; the batch stays the first."""

    order: tuple[int, ...]

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        (x,) = inputs
        if sorted(self.order) != list(range(len(x))) or self.order[0] != 0:
            raise ValueError(f"an order {self.order} of the axes of an input of shape {x}")
        return tuple(x[axis] for axis in self.order)

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        return inputs[0].transpose(self.order)

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        return self.compute(inputs)
