"""What moves values and computes nothing: loops over strides around copies of the longest runs that lie together."""

from collections.abc import Sequence
from math import prod
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...graph.operators import (
    Concat,
    MirrorPad,
    Pad,
    ResizeNearest,
    Slice,
    StridedSlice,
    Transpose,
)
from ...graph.operators.operator import quantization
from ...graph.operators.resizing import nearest
from ..layer import Layer, Site
from .loops import Axis, indented, merged, nested, strides, together

Offsets = NDArray[Any]


def concat(site: Site) -> Layer:
    """Each input is a slab of the output."""
    axis, to = cast(Concat, site.operator).axis, strides(site.output.shape)
    start, parts = 0, []
    for index, tensor in enumerate(site.inputs):
        axes = together(tensor.shape, to, strides(tensor.shape))
        parts.append(copied(axes, _at("y", start), f"x{index}"))
        start += tensor.shape[axis] * to[axis]
    return Layer("".join(parts))


def slice_(site: Site) -> Layer:
    """A box of the input."""
    operator, read = cast(Slice, site.operator), strides(site.inputs[0].shape)
    return _cut(site, operator.begin, read)


def strided_slice(site: Site) -> Layer:
    """A box of the input in which positions are left out."""
    operator, read = cast(StridedSlice, site.operator), strides(site.inputs[0].shape)
    steps = [step * stride for step, stride in zip(read, operator.strides, strict=True)]
    return _cut(site, operator.begin, read, steps)


def transpose(site: Site) -> Layer:
    """The output in order; the input in steps of its own axes."""
    read = strides(site.inputs[0].shape)
    steps = [read[axis] for axis in cast(Transpose, site.operator).order]
    shape = site.output.shape
    return Layer(copied(together(shape, strides(shape), steps), "y", "x0"))


def pad(site: Site) -> Layer:
    """The zero point everywhere, and the input on top of it."""
    before = [first for first, _ in cast(Pad, site.operator).before_after]
    to, shape = strides(site.output.shape), site.inputs[0].shape
    start = sum(first * step for first, step in zip(before, to, strict=True))
    fill = f"    __builtin_memset(y, {quantization(site.output).zero_point}, {prod(site.output.shape)}u);\n"
    return Layer(fill + copied(together(shape, to, strides(shape)), _at("y", start), "x0"))


def mirror_pad(site: Site) -> Layer:
    """Along each padded axis, a table tells from where each position comes."""
    operator = cast(MirrorPad, site.operator)
    sources: list[Offsets | None] = [
        np.pad(np.arange(length), pair, mode=operator.mode) if any(pair) else None
        for length, pair in zip(site.inputs[0].shape, operator.before_after, strict=True)
    ]
    return _chosen(site, sources)


def resize_nearest(site: Site) -> Layer:
    """Rows and columns by tables of the nearest ones."""
    operator, shape = cast(ResizeNearest, site.operator), site.inputs[0].shape
    rows, columns = (nearest(shape[1 + k], operator.size[k], operator.alignment) for k in (0, 1))
    return _chosen(site, [None, rows, columns, None])


def gather(site: Site) -> Layer:
    """Rows of a table; an id that has none takes the first or the last, so that no id reads what is not there."""
    table, ids = site.inputs
    row, last = prod(table.shape[1:]), table.shape[0] - 1
    body = f"    gather_rows(x0, {row}u, {last}, x1, {prod(ids.shape)}u, y);\n"
    return Layer(body, kernels=("gather.h",))


def copied(axes: Sequence[Axis], y: str, x: str) -> str:
    """Loops that copy one value, or one run of values that lie together in both, at each position."""
    outer, run = _with_run(merged(axes))

    def copy(to: str, source: str) -> str:
        if run > 1:
            return f"__builtin_memcpy({to}, {source}, {run}u);"
        return f"{_value(to)} = {_value(source)};"

    return indented(nested(outer, (y, x), copy))


def _cut(site: Site, begin: Sequence[int], read: Sequence[int], steps: Sequence[int] | None = None) -> Layer:
    start = sum(first * step for first, step in zip(begin, read, strict=True))
    shape = site.output.shape
    return Layer(copied(together(shape, strides(shape), steps or read), "y", _at("x0", start)))


def _chosen(site: Site, sources: Sequence[Offsets | None]) -> Layer:
    """Along an axis with sources, the position of the input that each position of the output takes."""
    shape, read = site.output.shape, strides(site.inputs[0].shape)
    tables = {
        f"from{axis}": (source * read[axis]).astype(np.int32)
        for axis, source in enumerate(sources)
        if source is not None
    }
    steps = [f"from{axis}" if source is not None else read[axis] for axis, source in enumerate(sources)]
    return Layer(copied(together(shape, strides(shape), steps), "y", "x0"), tables)


def _with_run(axes: Sequence[Axis]) -> tuple[Sequence[Axis], int]:
    """The loops, and how many values each innermost position copies."""
    if axes and axes[-1].steps == (1, 1):
        return axes[:-1], axes[-1].length
    return axes, 1


def _at(pointer: str, offset: int) -> str:
    return f"{pointer} + {offset}u" if offset else pointer


def _value(place: str) -> str:
    pointer, plus, offset = place.partition(" + ")
    return f"{pointer}[{offset}]" if plus else f"*{pointer}"
