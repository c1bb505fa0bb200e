"""Means over any axes."""

from math import prod
from typing import cast

from ...graph.operators import Mean
from ...graph.operators.operator import quantization
from ...graph.operators.reduction import mean_multiplier
from ..layer import Layer, Site
from .loops import Axis, indented, merged, nested, strides


def mean(site: Site) -> Layer:
    """For each output one sum: of four channels at once where height and width go, else by loops along the axes."""
    axes, x = cast(Mean, site.operator).axes, site.inputs[0]
    if len(x.shape) == 4 and sorted(set(axes)) == [1, 2]:
        return _over_positions(site)
    step = strides(x.shape)
    gone = merged([Axis(x.shape[axis], (step[axis],)) for axis in sorted(set(axes))])
    kept = [axis for axis in range(len(x.shape)) if axis not in axes]
    to = strides([x.shape[axis] for axis in kept])
    count = prod(axis.length for axis in gone)
    end = _end(site, count)

    def add_up(y: str, x0: str) -> str:
        summed = nested(gone, (x0,), lambda place: f"sum += *({place});", index="k")
        return f"int32_t sum = {-count * quantization(x).zero_point};\n{summed}*({y}) = {end};"

    outer = merged([Axis(x.shape[axis], (to[k], step[axis])) for k, axis in enumerate(kept)])
    body = nested(outer, ("y", "x0"), add_up)
    return Layer(indented(body if outer else f"{{\n{indented(body)}}}"), kernels=("fixed_point.h",))


def _over_positions(site: Site) -> Layer:
    x = site.inputs[0]
    _, h, w, c = x.shape
    made = mean_multiplier(x, site.output, h * w)
    zero_points = quantization(x).zero_point, quantization(site.output).zero_point
    numbers = (-h * w * zero_points[0], int(made.significand), int(made.exponent), zero_points[1])
    body = (
        f"    static const struct mean_scale scale = {{{', '.join(map(str, numbers))}}};\n"
        f"    mean_positions(x0, {h * w}, {c}, scale, y);\n"
    )
    return Layer(body, kernels=("instructions.h", "byte_sums.h", "fixed_point.h", "mean_positions.h"))


def _end(site: Site, count: int) -> str:
    made = mean_multiplier(site.inputs[0], site.output, count)
    scaled = f"scaled(sum, {int(made.significand)}, {int(made.exponent)})"
    return f"(int8_t)clamped({scaled} + {quantization(site.output).zero_point}, -128, 127)"
