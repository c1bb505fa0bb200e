"""Lowers ConvTranspose, in one and two dimensions."""

from dataclasses import dataclass, replace

import numpy as np

from ..operators import Slice, TransposeConv2d
from ..operators.window import Pair
from .builder import Builder, Constant, Refused, Value
from .convolution import as_image
from .linear import weighted
from .reader import OnnxNode


@dataclass(frozen=True)
class Spread:
    """One axis: `length` inputs, each of which reaches `kernel` outputs, `stride` apart; `before` are cut off first."""

    length: int
    kernel: int
    stride: int
    before: int
    after: int
    more: int  # ONNX's output_padding

    @property
    def size(self) -> int:
        return self.stride * (self.length - 1) + self.kernel - self.before - self.after + self.more

    @property
    def whole(self) -> int:
        """The outputs that are reached before any are cut off."""
        return self.size + self.before + self.after

    @property
    def is_whole(self) -> bool:
        return self.before == self.after == 0

    @property
    def can_be_same(self) -> bool:
        """Whether TensorFlow's SAME has as many inputs for this size."""
        return self.length == -(-self.size // self.stride)

    @property
    def zeros(self) -> Pair:
        """Taps of zero before and behind the kernel, with which SAME cuts off what ONNX does."""
        cut = (self.length - 1) * self.stride + self.kernel - self.size
        return max(cut - 2 * self.before, 0), max(2 * self.before - cut, 0)


def conv_transpose(build: Builder, node: OnnxNode) -> Value:
    """ConvTranspose: x (n,c,h,w) or (n,c,t), w (c,o,kh,kw) or (c,o,k), bias (o,) or none."""
    x = build.standard(build.value(node.input(0)))
    weights = as_image(build.constant(node.input(1))).transposed((1, 2, 3, 0))
    axes = _axes(node, x.shape[2:], build.constant(node.input(1)).data.shape[2:])
    if weights.data.shape[3] != x.shape[1]:
        raise Refused("O-SHAPE", f"has weights for {weights.data.shape[3]} channels on an input of {x.shape[1]}")
    return _spread(build, node, x, weights, axes)


def _spread(build: Builder, node: OnnxNode, x: Value, weights: Constant, axes: list[Spread]) -> Value:
    """As it is where nothing is cut off; by SAME and zeros around the kernel; or whole, and what is wanted of it."""
    stride, size, rank = (axes[0].stride, axes[1].stride), (axes[0].size, axes[1].size), len(x.shape)
    shape = (1, len(weights.data))
    if all(axis.is_whole for axis in axes):
        return weighted(build, node, TransposeConv2d(size, stride), x, weights, (*shape, *size[4 - rank :]))
    if all(axis.can_be_same for axis in axes):
        weights = replace(weights, data=np.pad(weights.data, ((0, 0), *(axis.zeros for axis in axes), (0, 0))))
        return weighted(build, node, TransposeConv2d(size, stride, "SAME"), x, weights, (*shape, *size[4 - rank :]))
    whole = axes[0].whole, axes[1].whole
    spread = weighted(build, node, TransposeConv2d(whole, stride), x, weights, (*shape, *whole[4 - rank :]))
    cut = Slice((0, axes[0].before, axes[1].before, 0), (1, *size, len(weights.data)))
    return build.image(cut, [spread.tensor], (*shape, *size[4 - rank :]), node.outputs[0])


def _axes(node: OnnxNode, lengths: tuple[int, ...], kernel: tuple[int, ...]) -> list[Spread]:
    """Height and width; of one dimension, the height is one row."""
    rank = len(lengths)
    if rank not in (1, 2) or len(kernel) != rank:
        raise Refused("O-RANK", f"its input has {rank + 2} axes; (n,c,t) and (n,c,h,w) are carried")
    _refuse(node)
    strides = node.attributes.get("strides") or [1] * rank
    pads = node.attributes.get("pads") or [0] * 2 * rank
    more = node.attributes.get("output_padding") or [0] * rank
    found = [Spread(lengths[k], kernel[k], strides[k], pads[k], pads[k + rank], more[k]) for k in range(rank)]
    if min(pads) < 0 or min(axis.size for axis in found) < 1:
        raise Refused("O-SHAPE", f"pads {pads}, which leaves nothing, or is negative; pads of at least 0 are carried")
    return [Spread(1, 1, 1, 0, 0, 0)] * (2 - rank) + found


def _refuse(node: OnnxNode) -> None:
    """What TensorFlow's transposed convolution does not have."""
    group, dilations = node.attributes.get("group", 1), node.attributes.get("dilations") or [1]
    if group != 1:
        raise Refused("O-ATTRIBUTE", f"has {group} groups; 1 is carried: resize the image and convolve it instead")
    if any(dilation != 1 for dilation in dilations):
        raise Refused("O-ATTRIBUTE", f"has dilations {dilations}; 1 is carried")
    if node.attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID") or node.attributes.get("output_shape"):
        raise Refused("O-ATTRIBUTE", "has its size from auto_pad or output_shape; export it with pads")
