"""Convolutions: matrix products over the patches of three positions, or the plain way."""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...graph.operators import Conv2d
from ...graph.operators.operator import quantization
from ...graph.operators.requantization import channel_multiplier
from ...graph.operators.window import same_padding
from ..layer import Layer, Site
from ..lead import row_lead, window_lead
from ..packing import Ending, compact, ending, packed
from ..preference import CodeOptions
from ..requantization import Requantization, requantization

WORD = 4  # bytes
ROWS = 3  # positions of a tile: all they need is read before their outputs are written


def conv2d(site: Site) -> Layer:
    """The fastest kernel that this layer's shapes and numbers allow."""
    operator = cast(Conv2d, site.operator)
    weights = np.asarray(site.inputs[1].data)
    rows = weights.reshape(len(weights), -1)
    made = requantization(
        site, channel_multiplier(site.inputs, site.output), rows.sum(1, np.int64), operator.activation
    )
    end = tile_ending(made, rows, site.options)
    grouped = site.inputs[0].shape[3] != weights.shape[3]
    if end is None or grouped or len(weights) < 2 or (operator.dilation[1] > 1 and weights.shape[2] > 1):
        return any_convolution(site, weights, made)
    if weights.shape[1:3] == (1, 1) and weights.shape[3] > 1 and operator.stride == (1, 1):
        _, h, w, _ = site.inputs[0].shape
        return products(site, h * w, rows, made, end)
    return _windows(site, weights, made, end)


def any_convolution(site: Site, weights: NDArray[Any], made: Requantization) -> Layer:
    """Weights (outputs, height, width, channels of a group): no speed, no bounds."""
    return _plain(site, weights.shape, made, weights, "convolution_any")


def any_depthwise(site: Site, made: Requantization) -> Layer:
    """Any window, one output a channel: four channels at a time."""
    weights = np.asarray(site.inputs[1].data)
    _, kh, kw, c = weights.shape
    return _plain(site, (c, kh, kw, 1), made, weights, "depthwise_any")


def _plain(site: Site, shape: tuple[int, ...], made: Requantization, weights: NDArray[Any], kernel: str) -> Layer:
    """Of weights that have this shape (outputs, height, width, channels of a group), however they lie."""
    operator = cast(Conv2d, site.operator)
    _, h, w, c = site.inputs[0].shape
    o, kh, kw, depth = shape
    _, oh, ow, _ = site.output.shape
    window = (h, w, c, kh, kw, depth, *operator.stride, *operator.dilation, *padding(site, (kh, kw)))
    zero_points = (quantization(site.inputs[0]).zero_point, made.zero_point)
    numbers = (*window, oh, ow, o, o // (c // depth), *zero_points, made.least, made.greatest)
    constants = {"weights": weights, "bias": made.bias, "multiplier": made.multiplier, "shift": made.shift}
    body = (
        f"    static const struct grouped_window window = {{{', '.join(map(str, numbers))}}};\n"
        f"    {kernel}(x0, &window, weights, bias, multiplier, shift, {int(made.multiplier.size > 1)}u, y);\n"
    )
    dot = ("dot.h",) if kernel == "convolution_any" else ()
    return Layer(body, constants, ("fixed_point.h", "instructions.h", *dot, "grouped_window.h", f"{kernel}.h"))


def padding(site: Site, kernel: tuple[int, int]) -> tuple[int, int]:
    """Rows above and columns to the left of the input."""
    operator = cast(Conv2d, site.operator)
    if operator.padding == "VALID":
        return 0, 0
    _, h, w, _ = site.inputs[0].shape
    top, left = (
        same_padding(length, k, stride, dilation)[0]
        for length, k, stride, dilation in zip((h, w), kernel, operator.stride, operator.dilation, strict=True)
    )
    return top, left


def matmul_kernels(end: Ending) -> tuple[str, ...]:
    """The headers of the tile that ends like this."""
    return "instructions.h", "matmul.h", f"matmul_{end.finish}.h"


def tile_ending(made: Requantization, weights: NDArray[Any], options: CodeOptions) -> Ending | None:
    """As the tile's kernels read it; None where the plain kernel must do."""
    end = ending(made, weights)
    return compact(end, made.zero_point) if end is not None and options.prefer == "flash" else end


def products(site: Site, rows: int, weights: NDArray[Any], made: Requantization, end: Ending) -> Layer:
    """So many rows of activations that lie one behind the other, against weights (outputs, terms of 2 or more)."""
    outputs, depth = weights.shape
    steps = -(-depth // WORD)
    words = packed(weights, end, site.options, made.zero_point)
    body = _tile(made, words.size, outputs) + (
        f"    pointwise(x0, {rows}u, {depth}u, {outputs}u, tile, (uint32_t *)(void *)scratch, matmul_{end.finish});\n"
    )
    scratch = 24 * steps + (WORD * steps if depth % WORD else 0)
    leads = {0: row_lead(rows, depth, outputs, ROWS)}
    kernels = (*matmul_kernels(end), "pointwise.h")
    return Layer(body, {"packed": words}, kernels, scratch, leads=leads)


def _windows(site: Site, weights: NDArray[Any], made: Requantization, end: Ending) -> Layer:
    operator = cast(Conv2d, site.operator)
    _, h, w, c = site.inputs[0].shape
    o, kh, kw, _ = weights.shape
    _, oh, ow, _ = site.output.shape
    run, steps = kw * c, -(-kh * kw * c // WORD)
    top_left = padding(site, (kh, kw))
    zero_point = quantization(site.inputs[0]).zero_point
    numbers = (h, w, c, kh, run, *operator.stride, operator.dilation[0], *top_left, oh, ow, o, zero_point)
    words = packed(weights.reshape(o, -1), end, site.options, made.zero_point)
    body = (
        f"    static const struct window window = {{{', '.join(map(str, numbers))}}};\n"
        f"{_tile(made, words.size, o)}"
        f"    convolution(x0, &window, {steps}u, tile, (uint32_t *)(void *)scratch, matmul_{end.finish});\n"
    )
    scratch = WORD * (6 * steps + 4 * -(-run // WORD) + (3 * steps if run % WORD else 0))
    leads = {0: window_lead(site, operator.stride, top_left, ROWS)}
    kernels = (*matmul_kernels(end), "convolution.h")
    return Layer(body, {"packed": words}, kernels, scratch, leads=leads)


def _tile(made: Requantization, words: int, outputs: int) -> str:
    """The C of the tile that goes over the positions: so many words of weights, outputs and limits."""
    return (
        f"    const struct tile tile = {{packed, y, 0, 0, packed + {words}u, 0, {outputs}, {2 * outputs}, "
        f"{made.least}, {made.greatest}}};\n"
    )
