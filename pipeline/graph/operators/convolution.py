"""Convolutions, plain and depthwise."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..tensor import Tensor
from .operator import Activation, Padding, Shape


def out_length(length: int, kernel: int, stride: int, dilation: int, padding: Padding) -> int:
    """Output positions along one axis, as TensorFlow defines SAME and VALID."""
    reach = (kernel - 1) * dilation + 1
    return -(-length // stride) if padding == "SAME" else -(-(length - reach + 1) // stride)


@dataclass(frozen=True)
class Conv2d:
    """x (n,h,w,c), weights (o,kh,kw,c), bias (o,) -> (n,h',w',o)."""

    stride: tuple[int, int] = (1, 1)
    padding: Padding = "VALID"
    dilation: tuple[int, int] = (1, 1)
    activation: Activation = "none"

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        (n, h, w, _), (o, kh, kw, _) = inputs[0], inputs[1]
        return (
            n,
            out_length(h, kh, self.stride[0], self.dilation[0], self.padding),
            out_length(w, kw, self.stride[1], self.dilation[1], self.padding),
            o,
        )

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        _, kh, kw, c = inputs[1].shape
        _, h, w, o = outputs[0].shape
        return h * w * o * kh * kw * c


@dataclass(frozen=True)
class DepthwiseConv2d:
    """x (n,h,w,c), weights (1,kh,kw,c*multiplier), bias (c*multiplier,) -> (n,h',w',c*multiplier)."""

    stride: tuple[int, int] = (1, 1)
    padding: Padding = "VALID"
    dilation: tuple[int, int] = (1, 1)
    multiplier: int = 1
    activation: Activation = "none"
