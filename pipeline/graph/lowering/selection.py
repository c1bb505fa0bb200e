"""Lowers operators that choose or join elements: embeddings, cuts, concatenations."""

from collections.abc import Sequence
from itertools import accumulate
from math import prod

import numpy as np

from ..operators import Concat, Gather, Operator, Slice, StridedSlice
from ..operators.operator import Shape
from .builder import Builder, Constant, Refused, Value
from .layout import Channels, graph_axis, graph_shape, standard_order
from .reader import OnnxNode
from .value import from_front

Span = tuple[int, int, int]  # start, end, step
Spans = dict[int, Span]  # by axis
MOST_JOINED = 10  # inputs that TFLite Micro's CONCATENATION takes


def gather(build: Builder, node: OnnxNode) -> Value:
    """Gather: rows of a constant table, one for each token id; or of a value, what constant indices name."""
    if node.input(0) in build.constants:
        return _embedding(build, node)
    x, indices = build.value(node.input(0)), build.constant(node.input(1)).data
    axis = from_front(node.attributes.get("axis", 0), len(x.shape))
    chosen = [from_front(int(index), x.shape[axis]) for index in indices.ravel()]
    steps = set(np.diff(chosen).tolist()) or {1}
    if len(steps) > 1 or min(steps) < 1 or indices.ndim > 1:
        raise Refused("O-ATTRIBUTE", f"chooses {chosen[:8]} along axis {axis}; indices that go up evenly are carried")
    taken = _cut(build, node, x, {axis: (chosen[0], chosen[-1] + 1, steps.pop())})
    return taken if indices.ndim else build.viewed(taken, (*x.shape[:axis], *x.shape[axis + 1 :]))


def slice_(build: Builder, node: OnnxNode) -> Value:
    """Slice with constant starts, ends, axes and steps above 0, along any axis but the batch."""
    x = build.value(node.input(0))
    starts, ends = build.numbers(node.input(1)), build.numbers(node.input(2))
    axes = build.numbers(node.input(3)) if node.input(3) else list(range(len(starts)))
    steps = build.numbers(node.input(4)) if node.input(4) else [1] * len(starts)
    if min(steps) < 1:
        raise Refused("O-ATTRIBUTE", f"steps {steps}; steps above 0 are carried")
    spans: Spans = {}
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        spans[from_front(axis, len(x.shape))] = slice(start, end, step).indices(x.shape[axis])
    return _cut(build, node, x, spans)


def split(build: Builder, node: OnnxNode) -> Sequence[Value | None]:
    """Split, as one slice for each output that somebody reads."""
    x = build.value(node.input(0))
    axis, count = from_front(node.attributes.get("axis", 0), len(x.shape)), len(node.outputs)
    part = -(-x.shape[axis] // count)
    lengths = (
        build.numbers(node.input(1)) if node.input(1) else [part] * (count - 1) + [x.shape[axis] - part * (count - 1)]
    )
    ends = list(accumulate(lengths))
    return [
        _cut(build, node, x, {axis: (end - length, end, 1)}, place) if build.used(node.outputs[place]) else None
        for place, (length, end) in enumerate(zip(lengths, ends, strict=True))
    ]


def concat(build: Builder, node: OnnxNode) -> Value:
    """Concat of values, and of constants among them, along any axis but the batch."""
    first, channels = build.aligned(next(build.value(name) for name in node.inputs if name in build.values))
    axis = from_front(node.attributes["axis"], len(first.shape))
    names, lengths = [], []
    for name in node.inputs:
        value = _joined(build, name, first, channels)
        names.append(value.tensor)
        lengths.append(value.shape[axis])
    if 1 in (first.shape[0], *lengths) and (axis == 0 or first.shape[0] != 1):
        raise Refused("O-ATTRIBUTE", f"joins along axis {axis} of {first.shape}; axes behind the batch are carried")
    place = graph_axis(axis, first.shape, channels)
    while len(names) > 1:
        shape = (*first.shape[:axis], sum(lengths[:MOST_JOINED]), *first.shape[axis + 1 :])
        joined = build.image(Concat(place), names[:MOST_JOINED], shape, node.outputs[0], channels)
        names, lengths = [joined.tensor, *names[MOST_JOINED:]], [shape[axis], *lengths[MOST_JOINED:]]
        first = joined
    return first


def _embedding(build: Builder, node: OnnxNode) -> Value:
    """(n,length) ids -> (n,length,width), and so on."""
    table, ids = build.constant(node.input(0)), build.any_value(node.input(1))
    axis, tensor = node.attributes.get("axis", 0), build.tensor(ids)
    if tensor.dtype != "int32":
        raise Refused(
            "O-IDS", "gathers by indices that are computed; token ids, the model's integer input, are carried"
        )
    if axis != 0 or table.data.ndim != 2:
        raise Refused(
            "O-ATTRIBUTE", f"gathers along axis {axis} of {table.data.shape}; rows of (rows, width) are carried"
        )
    shape = (*ids.shape, table.data.shape[1])
    if len(shape) not in (3, 4) or ids.channels is None:
        raise Refused("O-RANK", f"gathers for ids {ids.shape}; (n,length) and (n,height,width) are carried")
    ids = build.shaped(ids, graph_shape(shape, "last")[:-1])
    name = build.keep(table, node.input(0))
    return build.image(Gather(), [name, ids.tensor], shape, node.outputs[0], "last")


def _cut(build: Builder, node: OnnxNode, x: Value, spans: Spans, place: int = 0) -> Value:
    """What lies between start and end of each axis, every step-th."""
    spans = {axis: span for axis, span in spans.items() if span != (0, x.shape[axis], 1)}
    shape = tuple(len(range(*spans[axis])) if axis in spans else length for axis, length in enumerate(x.shape))
    if shape == x.shape:
        return x
    if min(shape) < 1 or (0 in spans and x.shape[0] == 1):
        raise Refused(
            "O-SHAPE", f"cuts {x.shape} to {shape}; at least one value of each axis, and the batch, must stay"
        )
    axes = x.axes_in_memory
    if axes is None:
        x = build.lying(x, "last")
        axes = tuple(range(len(x.shape)))
    return _cut_as_it_lies(build, node.outputs[place], x, axes, spans, shape)


def _cut_as_it_lies(build: Builder, origin: str, x: Value, axes: tuple[int, ...], spans: Spans, shape: Shape) -> Value:
    """Cuts the tensor on the axes that it has in memory, outer to inner; side by side, whole ones are one."""
    channels = x.channels
    if channels is None or x.shape[0] != 1:
        view = _parts(x.shape, axes, spans)
    else:
        view = list(zip(graph_shape(x.shape, channels), _graph_spans(x, channels, spans), strict=True))
    x = build.shaped(x, tuple(length for length, _ in view))
    steps = [span or (0, length, 1) for length, span in view]
    begin, end, strides = (tuple(step[part] for step in steps) for part in range(3))
    operator: Operator = StridedSlice(begin, end, strides)
    if set(strides) == {1}:
        operator = Slice(begin, tuple(last - first for first, last in zip(begin, end, strict=True)))
    taken = build.elementwise(operator, [x], origin)
    order = np.arange(prod(shape)).reshape(shape).transpose(axes).ravel()
    return Value(taken.tensor, shape, order, x.likely if shape[0] == 1 else "last")


def _graph_spans(x: Value, channels: Channels, spans: Spans) -> list[Span | None]:
    found: list[Span | None] = [None] * len(graph_shape(x.shape, channels))
    for axis, span in spans.items():
        found[graph_axis(axis, x.shape, channels)] = span
    return found


def _parts(shape: Shape, axes: tuple[int, ...], spans: Spans) -> list[tuple[int, Span | None]]:
    """The lengths of a tensor on which these spans can be cut, and the spans."""
    parts: list[tuple[int, Span | None]] = []
    for axis in axes:
        if parts and parts[-1][1] is None and axis not in spans:
            parts[-1] = (parts[-1][0] * shape[axis], None)
        elif shape[axis] > 1:
            parts.append((shape[axis], spans.get(axis)))
    return [(1, None)] * max(4 - len(parts), 1) + parts


def _joined(build: Builder, name: str, like: Value, channels: Channels) -> Value:
    """A value, or a constant as a tensor, laid out as another one is."""
    if name in build.values:
        return build.lying(build.value(name), channels)
    constant = build.constant(name)
    if constant.quantization is None and build.tensor(like).quantization is not None:
        raise Refused("O-QUANTIZATION", f"joins the float constant {name!r} to quantized values; quantize it too")
    shape = constant.data.shape
    data = constant.data.ravel()[standard_order(shape, channels)].reshape(graph_shape(shape, channels))
    tensor = build.keep(Constant(data, constant.quantization), name)
    return Value(tensor, shape, standard_order(shape, channels), channels)
