"""Transposed convolutions."""

from typing import cast

import numpy as np

from ...graph.operators import TransposeConv2d
from ...graph.operators.activation import activation_range
from ...graph.operators.operator import quantization
from ...graph.operators.requantization import channel_multiplier
from ..layer import Layer, Site


def transpose_conv(site: Site) -> Layer:
    """Each output gathers what meets it, so that no sums are kept in memory."""
    operator, x, weights = cast(TransposeConv2d, site.operator), site.inputs[0], np.asarray(site.inputs[1].data)
    (_, height, width, channels), (outputs, *kernel, _) = x.shape, weights.shape
    made = channel_multiplier(site.inputs, site.output)
    top, left = operator.before((kernel[0], kernel[1]))
    least, greatest = activation_range(operator.activation, site.output)
    bias = np.zeros(outputs, np.int32) if len(site.inputs) < 3 else np.asarray(site.inputs[2].data)
    constants = {
        "bias": bias,
        "multiplier": np.atleast_1d(made.significand).astype(np.int32),
        "shift": np.atleast_1d(made.exponent).astype(np.int32),
    }
    numbers = (outputs, *kernel, *operator.stride, top, left)
    body = (
        f"    transposed_convolution(x0, {quantization(x).zero_point}, {height}u, {width}u, {channels}u,\n"
        f"                           x1, {', '.join(f'{number}u' for number in numbers)},\n"
        f"                           bias, multiplier, shift, {int(made.significand.size > 1)}u,\n"
        f"                           {quantization(site.output).zero_point}, {least}, {greatest},\n"
        f"                           {operator.size[0]}u, {operator.size[1]}u, y);\n"
    )
    return Layer(body, constants, ("fixed_point.h", "transposed.h"))
