"""The transposed convolution, which spreads each input over a window of its output."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..tensor import Tensor
from .activation import activated
from .operator import Activation, Arrays, Padding, Shape
from .requantization import channel_multiplier, exact_operands, requantized
from .window import out_length, same_padding


@dataclass(frozen=True)
class TransposeConv2d:
    """x (n,h,w,c), weights (o,kh,kw,c), bias (o,) or none -> (n,*size,o).

    Input (y, x) adds to the outputs from (y * stride - before) on; `before` is the padding that a convolution of the
    output with this stride and padding would have there, and that convolution gives the input's height and width.
    """

    size: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: Padding = "VALID"
    activation: Activation = "none"

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        (n, *lengths, c), (o, *kernel, depth) = inputs[0], inputs[1]
        if c != depth:
            raise ValueError(f"weights for {depth} channels on an input of {c}")
        convolved = [out_length(self.size[k], kernel[k], self.stride[k], 1, self.padding) for k in (0, 1)]
        if convolved != lengths:
            raise ValueError(f"outputs {self.size} that a convolution takes to {convolved}, on inputs {lengths}")
        return (n, *self.size, o)

    def before(self, kernel: tuple[int, int]) -> tuple[int, int]:
        """How many of a window's first taps lie before the first output."""
        if self.padding == "VALID":
            return 0, 0
        height, width = (same_padding(self.size[k], kernel[k], self.stride[k], 1)[0] for k in (0, 1))
        return height, width

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        o, kh, kw, c = inputs[1].shape
        _, h, w, _ = inputs[0].shape
        return h * w * o * kh * kw * c

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        sums = self._sums(inputs[0], inputs[1])
        return activated(sums if len(inputs) < 3 else sums + inputs[2], self.activation)

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        x, weights = exact_operands(inputs, tensors, terms=inputs[1][0].size)
        bias = inputs[2] if len(inputs) > 2 else None
        multiplier = channel_multiplier(tensors, output)
        return requantized(self._sums(x, weights), bias, multiplier, self.activation, output)

    def _sums(self, x: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
        """One matrix product a tap, added where the tap falls; then cut to size."""
        (n, h, w, _), (o, kh, kw, _) = x.shape, weights.shape
        (top, left), (down, right) = self.before((kh, kw)), self.stride
        reached = down * (h - 1) + kh, right * (w - 1) + kw
        spread = np.zeros((n, max(reached[0], top + self.size[0]), max(reached[1], left + self.size[1]), o), x.dtype)
        for i, j in np.ndindex(kh, kw):
            spread[:, i : i + down * h : down, j : j + right * w : right] += x @ weights[:, i, j].T
        return spread[:, top : top + self.size[0], left : left + self.size[1]]
