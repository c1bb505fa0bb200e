"""Depthwise convolutions: planes of one channel with windows of 3 x 3 or less, or the plain way."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...graph.operators import DepthwiseConv2d
from ...graph.operators.operator import quantization
from ...graph.operators.requantization import channel_multiplier
from ..layer import Layer, Site
from ..packing import constant_outputs, finish_of, reach
from ..requantization import Requantization, requantization
from .convolution import any_convolution, any_depthwise, padding

PLANE = 2048  # bytes that a slab of a widened plane may take
WIDEST = {1: 6, 2: 3}  # outputs of a strip by stride
STRIP = 4  # words that a strip reads of a row
CONSTANT = 2**30  # what is added to products in 32 bits leaves room for these


@dataclass(frozen=True)
class Cut:
    """How a plane is cut: rows of outputs a slab, outputs a strip, bytes a row, words in all."""

    slab: int
    wide: int
    rest: int
    pitch: int
    words: int


def depthwise_conv2d(site: Site) -> Layer:
    """The fastest kernel that this layer's shapes and numbers allow."""
    operator = cast(DepthwiseConv2d, site.operator)
    weights = np.asarray(site.inputs[1].data)
    rows = np.ascontiguousarray(weights[0].reshape(-1, weights.shape[3]).T)  # (channels, taps)
    made = requantization(
        site, channel_multiplier(site.inputs, site.output), rows.sum(1, np.int64), operator.activation
    )
    stride = _stride(site)
    fits = stride in WIDEST and max(weights.shape[1:3]) <= 3 and operator.multiplier == 1 and _dense(site)
    channels = _packed(_three_by_three(weights[0]), made) if fits else None
    if channels is not None:
        return _planes(site, channels, made, stride)
    if operator.multiplier == 1:
        return any_depthwise(site, made)
    return any_convolution(site, rows.reshape(len(rows), *weights.shape[1:3], 1), made)


def _stride(site: Site) -> int:
    """Along the axes on which the window moves at all; 0 where they differ."""
    strides = cast(DepthwiseConv2d, site.operator).stride
    moving = {step for step, length in zip(strides, site.output.shape[1:3], strict=True) if length > 1}
    return 1 if not moving else moving.pop() if len(moving) == 1 else 0


def _dense(site: Site) -> bool:
    """Whether the taps of a window lie side by side."""
    dilation, kernel = cast(DepthwiseConv2d, site.operator).dilation, site.inputs[1].shape[1:3]
    return all(step == 1 or taps == 1 for step, taps in zip(dilation, kernel, strict=True))


def _three_by_three(weights: NDArray[Any]) -> NDArray[Any]:
    """Weights (height, width, channels) as (channels, 9): smaller windows have no weight below and to the right."""
    height, width, _ = weights.shape
    padded = np.pad(weights, ((0, 3 - height), (0, 3 - width), (0, 0)))
    return np.ascontiguousarray(padded.reshape(9, -1).T)


def _planes(site: Site, channels: NDArray[np.uint32], made: Requantization, stride: int) -> Layer:
    _, h, w, c = site.inputs[0].shape
    _, oh, ow, _ = site.output.shape
    kernel = site.inputs[1].shape[1:3]
    top, left = padding(site, (kernel[0], kernel[1]))
    cut = _cut(max(left + w, (ow - 1) * stride + 3), stride, oh, ow)
    sizes = (h, w, c, stride, top, left, oh, ow, cut.slab, cut.wide, cut.pitch, made.least, made.greatest)
    numbers = (*sizes, quantization(site.inputs[0]).zero_point)
    finish = finish_of(made)
    body = (
        f"    static const struct plane plane = {{{', '.join(map(str, numbers))}}};\n"
        f"    depthwise(x0, &plane, packed, y, (int16_t *)(void *)scratch, {cut.words}u,\n"
        f"              strip_s{stride}_{cut.wide}_{finish}, strip_s{stride}_{cut.rest}_{finish});\n"
    )
    return Layer(body, {"packed": channels}, ("instructions.h", "depthwise.h"), 4 * cut.words, (0,))


def _cut(halves: int, stride: int, rows: int, columns: int) -> Cut:
    """Of planes whose rows hold so many halves, for so many rows and columns of outputs."""
    pitch = 4 * -(-halves // 2)
    wide = min(WIDEST[stride], columns)
    rest = columns % wide or wide
    most = max(1, (PLANE // pitch - 3) // stride + 1)
    slab = -(-rows // -(-rows // most))
    beyond = max(0, (columns - rest) * stride // 2 + STRIP - pitch // 4)
    return Cut(slab, wide, rest, pitch, ((slab - 1) * stride + 3) * pitch // 4 + beyond)


def _packed(rows: NDArray[Any], made: Requantization) -> NDArray[np.uint32] | None:
    """Taps (channels, 9) and endings, six words a channel as `kernels/depthwise.h` says; None if one does not fit."""
    bounds = reach(made, rows)
    exponent = np.broadcast_to(made.shift.astype(np.int64), len(rows))
    shift, left = np.maximum(-exponent, 0), 1 + np.maximum(exponent, 0)
    half = np.where(shift > 0, np.int64(1) << np.maximum(shift - 1, 0), 0)
    constant = half + (made.zero_point << shift)
    furthest = np.maximum(np.abs(bounds[0]), np.abs(bounds[1])) << np.minimum(left, 8)
    fits = (left <= 8) & (furthest < 2**31) & (np.abs(constant) < CONSTANT)
    if finish_of(made) != "relu":
        fits &= shift > 0  # signed ties need a second rounding to correct
    fixed, values = constant_outputs(made, bounds)
    if not np.all(fits | fixed):
        return None
    taps = np.pad(rows.astype(np.int64).reshape(-1, 3, 3) & 0xFF, ((0, 0), (0, 0), (0, 1)))
    taps[:, 0, 3], taps[:, 1, 3] = np.where(fits, shift, 0), np.where(fits, left, 1)
    columns = [
        *(taps << np.array([0, 8, 16, 24])).sum(2).T,
        np.where(fits, made.bias.astype(np.int64) << np.minimum(left, 8), 0),
        np.where(fits, made.multiplier.astype(np.int64), 0),
        np.where(fits, constant, values),
    ]
    return np.asarray(np.stack(columns, axis=1) & 0xFFFFFFFF).astype(np.uint32).reshape(-1)
