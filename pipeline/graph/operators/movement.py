"""Operators that move values and do no arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..tensor import Tensor
from .operator import Arrays, Shape, quantization

Mirror = Literal["reflect", "symmetric"]


@dataclass(frozen=True)
class Reshape:
    """x as shape `target`; a leading 1 there is the batch, and stands for any batch."""

    target: tuple[int, ...]

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        batch = inputs[0][0] if inputs[0] and self.target[:1] == (1,) else 1
        shape = (batch, *self.target[1:]) if self.target[:1] == (1,) else self.target
        if prod(shape) != prod(inputs[0]):
            raise ValueError(f"a reshape to {self.target} of an input of shape {inputs[0]}")
        return shape

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        return inputs[0].reshape(self.shape([inputs[0].shape]))

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        return self.compute(inputs)


@dataclass(frozen=True)
class Gather:
    """Rows of a constant table (rows, ...), one for each id of ids (n, ...): ids' axes, then a row's. An embedding."""

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        table, ids = inputs
        return (*ids, *table[1:])

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        table, ids = inputs
        return np.take(table, ids, axis=0)

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        return self.compute(inputs)


@dataclass(frozen=True)
class Pad:
    """x with real zeros before and after each axis: one pair an axis, (0, 0) for the batch."""

    before_after: tuple[tuple[int, int], ...]

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        if len(self.before_after) != len(inputs[0]):
            raise ValueError(f"{len(self.before_after)} pairs of padding on an input of shape {inputs[0]}")
        return tuple(b + length + a for (b, a), length in zip(self.before_after, inputs[0], strict=True))

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        return np.pad(inputs[0], self.before_after)

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        return np.pad(inputs[0], self.before_after, constant_values=quantization(output).zero_point)


@dataclass(frozen=True)
class MirrorPad:
    """x continued beyond its ends by what lies before them, backwards; `symmetric` repeats the last value, too.

    One pair an axis, (0, 0) for the batch; at most what there is to mirror.
    """

    before_after: tuple[tuple[int, int], ...]
    mode: Mirror = "reflect"

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        repeated = 0 if self.mode == "reflect" else 1
        pairs = list(zip(self.before_after, inputs[0], strict=False))
        if len(self.before_after) != len(inputs[0]) or any(max(pair) >= n + repeated for pair, n in pairs):
            raise ValueError(f"a {self.mode} padding {self.before_after} of an input of shape {inputs[0]}")
        return tuple(before + length + after for (before, after), length in pairs)

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        return np.pad(inputs[0], self.before_after, mode=self.mode)

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        return self.compute(inputs)
