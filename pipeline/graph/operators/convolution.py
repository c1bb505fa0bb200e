"""Convolutions, plain and depthwise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..tensor import Tensor
from .activation import activated
from .operator import Activation, Arrays, Padding, Shape
from .requantization import channel_multiplier, exact_operands, requantized
from .window import out_length, windows

BLOCK = 2**20  # values in one block of unfolded patches
CACHED = 2**15  # values in one block of a depthwise layer's sums
WIDE = 32  # channels from which on einsum is faster


@dataclass(frozen=True)
class Conv2d:
    """x (n,h,w,c), weights (o,kh,kw,c/groups), bias (o,) or none -> (n,h',w',o).

    Each of the groups has its own c/groups inputs and o/groups outputs; the shapes say how many there are.
    """

    stride: tuple[int, int] = (1, 1)
    padding: Padding = "VALID"
    dilation: tuple[int, int] = (1, 1)
    activation: Activation = "none"

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        (n, h, w, c), (o, kh, kw, depth) = inputs[0], inputs[1]
        if c % depth or o % (c // depth):
            raise ValueError(f"weights {inputs[1]} on an input of {c} channels")
        return (n, *_positions(self, (h, w), (kh, kw)), o)

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        _, kh, kw, depth = inputs[1].shape
        _, h, w, o = outputs[0].shape
        return h * w * o * kh * kw * depth

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        return _finished(self._sums(inputs[0], inputs[1]), inputs, self.activation)

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        x, weights = exact_operands(inputs, tensors, terms=inputs[1][0].size)
        multiplier = channel_multiplier(tensors, output)
        return requantized(self._sums(x, weights), _bias(inputs), multiplier, self.activation, output)

    def _sums(self, x: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
        """Group by group."""
        groups = x.shape[3] // weights.shape[3]
        parts = zip(np.split(x, groups, axis=3), np.split(weights, groups), strict=True)
        return (
            np.concatenate([self._products(*part) for part in parts], axis=3)
            if groups > 1
            else self._products(x, weights)
        )

    def _products(self, x: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
        """Patches unfolded block by block, each block one matrix product."""
        taps = windows(x, weights.shape[1:3], self.stride, self.dilation, self.padding)
        (n, h, w), terms, channels = taps.shape[:3], weights[0].size, len(weights)
        matrix = weights.reshape(channels, terms).T
        sums = np.empty((n, h, w, channels), x.dtype)
        step = max(1, BLOCK // (h * w * terms))
        for start in range(0, n, step):
            block = slice(start, start + step)
            np.matmul(taps[block].reshape(-1, terms), matrix, out=sums[block].reshape(-1, channels))
        return sums


@dataclass(frozen=True)
class DepthwiseConv2d:
    """x (n,h,w,c), weights (1,kh,kw,c*multiplier), bias (c*multiplier,) or none -> (n,h',w',c*multiplier).

    Output channel `i * multiplier + j` is the j-th filter of input channel i.
    """

    stride: tuple[int, int] = (1, 1)
    padding: Padding = "VALID"
    dilation: tuple[int, int] = (1, 1)
    multiplier: int = 1
    activation: Activation = "none"

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        (n, h, w, c), (one, kh, kw, o) = inputs[0], inputs[1]
        if (one, o) != (1, c * self.multiplier):
            raise ValueError(f"weights {inputs[1]} on an input of {c} channels with multiplier {self.multiplier}")
        return (n, *_positions(self, (h, w), (kh, kw)), o)

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        _, kh, kw, _ = inputs[1].shape
        _, h, w, o = outputs[0].shape
        return h * w * o * kh * kw

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        return _finished(self._sums(inputs[0], inputs[1]), inputs, self.activation)

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        _, kh, kw, _ = inputs[1].shape
        x, weights = exact_operands(inputs, tensors, terms=kh * kw)
        multiplier = channel_multiplier(tensors, output)
        return requantized(self._sums(x, weights), _bias(inputs), multiplier, self.activation, output)

    def _sums(self, x: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
        """Many channels by einsum, position by position; few by a product and a sum a tap, in blocks that stay in the
        processor's cache, whole rows at a time."""
        widened = x if self.multiplier == 1 else np.repeat(x, self.multiplier, axis=3)
        kernel = weights.shape[1:3]
        taps = windows(widened, kernel, self.stride, self.dilation, self.padding)
        if weights.shape[3] >= WIDE:
            return np.asarray(np.einsum("nhwijc,ijc->nhwc", taps, weights[0]), x.dtype)
        sums = np.zeros((*taps.shape[:3], weights.shape[3]), x.dtype)
        step = max(1, CACHED // max(1, sums[:1].size))
        product, rows = np.empty_like(sums[:step]), np.repeat(weights[0, :, :, None], sums.shape[2], axis=2)
        for start in range(0, len(sums), step):
            block, part = sums[start : start + step], taps[start : start + step]
            for i, j in np.ndindex(kernel):
                block += np.multiply(part[:, :, :, i, j], rows[i, j], out=product[: len(block)])
        return sums


def _positions(operator: Conv2d | DepthwiseConv2d, size: tuple[int, int], kernel: tuple[int, int]) -> tuple[int, int]:
    stride, dilation, padding = operator.stride, operator.dilation, operator.padding
    return (
        out_length(size[0], kernel[0], stride[0], dilation[0], padding),
        out_length(size[1], kernel[1], stride[1], dilation[1], padding),
    )


def _bias(inputs: Arrays) -> NDArray[Any] | None:
    return inputs[2] if len(inputs) > 2 else None


def _finished(sums: NDArray[Any], inputs: Arrays, activation: Activation) -> NDArray[Any]:
    """The sums with bias and activation, in their own place."""
    if len(inputs) > 2:
        sums += inputs[2]
    return activated(sums, activation, out=sums)
