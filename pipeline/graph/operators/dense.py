"""The dense layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from numpy.typing import NDArray

from ..tensor import Tensor
from .activation import activated
from .operator import Activation, Arrays, Shape
from .requantization import channel_multiplier, exact_operands, requantized


@dataclass(frozen=True)
class FullyConnected:
    """x (n,in), weights (o,in), bias (o,) or none -> (n,o).

    An x of higher rank is read as rows of `in` values; `keep_dims` keeps its leading axes in the output.
    """

    activation: Activation = "none"
    keep_dims: bool = False

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        x, (o, width) = inputs[0], inputs[1]
        if prod(x) % width or (self.keep_dims and x[-1] != width):
            raise ValueError(f"weights for {width} values on an input of shape {x}")
        return (*x[:-1], o) if self.keep_dims else (prod(x) // width, o)

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return prod(outputs[0].shape) * inputs[1].shape[1]

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        sums = self._sums(inputs[0], inputs[1])
        return activated(sums if len(inputs) < 3 else sums + inputs[2], self.activation)

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        x, weights = exact_operands(inputs, tensors, terms=inputs[1].shape[1])
        bias = inputs[2] if len(inputs) > 2 else None
        return requantized(self._sums(x, weights), bias, channel_multiplier(tensors, output), self.activation, output)

    def _sums(self, x: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
        sums: NDArray[Any] = x.reshape(-1, weights.shape[1]) @ weights.T
        return sums.reshape(self.shape([x.shape, weights.shape]))
