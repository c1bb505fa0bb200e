"""Pooling over height and width; input and output share scale and zero point."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..tensor import Tensor
from .activation import activated, clamped, type_range
from .operator import Activation, Arrays, Padding, Shape
from .window import out_length, windows


@dataclass(frozen=True)
class AveragePool2d:
    """x (n,h,w,c) -> (n,h',w',c): the mean of the taps that lie inside x."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: Padding
    activation: Activation = "none"

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return _shape(self, inputs[0])

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        mean = self._sums(inputs[0]) / self._counts(inputs[0]).astype(inputs[0].dtype)
        return activated(mean, self.activation)

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        sums, counts = self._sums(inputs[0].astype(np.int32)), self._counts(inputs[0])
        size = (np.abs(sums) + counts // 2) // counts  # C's division: magnitude first, then the sign
        return clamped(np.where(sums > 0, size, -size), self.activation, output)

    def _sums(self, x: NDArray[Any]) -> NDArray[Any]:
        return reduce(np.add, _taps(self, x, fill=0))

    def _counts(self, x: NDArray[Any]) -> NDArray[Any]:
        """How many taps lie inside x, (1,h',w',1)."""
        return self._sums(np.ones((1, *x.shape[1:3], 1), np.int32))


@dataclass(frozen=True)
class MaxPool2d:
    """x (n,h,w,c) -> (n,h',w',c): the greatest of the taps that lie inside x."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: Padding
    activation: Activation = "none"

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return _shape(self, inputs[0])

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        return activated(reduce(np.maximum, _taps(self, inputs[0], fill=-np.inf)), self.activation)

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        least, _ = type_range(tensors[0].dtype)
        return clamped(reduce(np.maximum, _taps(self, inputs[0], fill=least)), self.activation, output)


def _shape(pool: AveragePool2d | MaxPool2d, x: Shape) -> Shape:
    n, h, w, c = x
    return (
        n,
        out_length(h, pool.kernel[0], pool.stride[0], 1, pool.padding),
        out_length(w, pool.kernel[1], pool.stride[1], 1, pool.padding),
        c,
    )


def _taps(pool: AveragePool2d | MaxPool2d, x: NDArray[Any], fill: float) -> list[NDArray[Any]]:
    view = windows(x, pool.kernel, pool.stride, (1, 1), pool.padding, fill)
    return [view[:, :, :, i, j] for i, j in np.ndindex(pool.kernel)]
