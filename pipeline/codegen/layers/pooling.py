"""Pools over height and width."""

from typing import cast

from ...graph.operators import AveragePool2d, MaxPool2d
from ...graph.operators.activation import activation_range
from ...graph.operators.window import same_padding
from ..layer import Layer, Site


def pool2d(site: Site) -> Layer:
    """The mean or the greatest of each window."""
    operator = cast(AveragePool2d | MaxPool2d, site.operator)
    _, h, w, c = site.inputs[0].shape
    _, oh, ow, _ = site.output.shape
    name = "average_pool" if isinstance(operator, AveragePool2d) else "max_pool"
    top, left = (
        same_padding(length, kernel, stride, 1)[0] if operator.padding == "SAME" else 0
        for length, kernel, stride in zip((h, w), operator.kernel, operator.stride, strict=True)
    )
    limits = activation_range(operator.activation, site.output)
    numbers = (h, w, c, *operator.kernel, *operator.stride, top, left, oh, ow, *limits)
    body = f"    static const struct pool pool = {{{', '.join(map(str, numbers))}}};\n    {name}(x0, &pool, y);\n"
    sums = ("byte_sums.h",) if name == "average_pool" else ()
    return Layer(body, {}, ("instructions.h", *sums, "pool.h", f"{name}.h"))
