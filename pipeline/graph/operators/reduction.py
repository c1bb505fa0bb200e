"""Reductions over axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..fixed_point import Multiplier, multiply, quantize_multiplier
from ..tensor import Tensor
from .activation import clamped
from .operator import Arrays, Shape, quantization


@dataclass(frozen=True)
class Mean:
    """The mean over `axes` (non-negative, never the batch); the output may have its own scale."""

    axes: tuple[int, ...]
    keep_dims: bool = False

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        if not all(0 < axis < len(inputs[0]) for axis in self.axes):
            raise ValueError(f"a mean over axes {self.axes} of an input of shape {inputs[0]}")
        if self.keep_dims:
            return tuple(1 if axis in self.axes else length for axis, length in enumerate(inputs[0]))
        return tuple(length for axis, length in enumerate(inputs[0]) if axis not in self.axes)

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        mean: NDArray[Any] = inputs[0].mean(axis=self.axes, keepdims=self.keep_dims)
        return mean

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        x, y = quantization(tensors[0]), quantization(output)
        count = prod(inputs[0].shape[axis] for axis in self.axes)
        sums = inputs[0].sum(axis=self.axes, keepdims=self.keep_dims, dtype=np.int64) - count * x.zero_point
        multiplied = multiply(sums, mean_multiplier(tensors[0], output, count))
        return clamped(multiplied + y.zero_point, "none", output)


def mean_multiplier(x: Tensor, output: Tensor, count: int) -> Multiplier:
    """What turns a sum of so many values above the zero point into steps of the output."""
    ratio = quantization(x).per_tensor_scale / quantization(output).per_tensor_scale
    return _divided(quantize_multiplier(ratio), count)


def _divided(multiplier: Multiplier, count: int) -> Multiplier:
    """The multiplier over a count, as TFLite's QuantizedMeanOrSum folds it: truncated after the widest left shift."""
    exponent = int(multiplier.exponent)
    shift = min(count.bit_length() - 1, 32, 31 + exponent)
    return Multiplier((multiplier.significand << shift) // count, np.asarray(exponent - shift))
