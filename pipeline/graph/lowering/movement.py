"""Lowers operators that only move elements: reshapes and transpositions become a view, padding a Pad."""

from dataclasses import replace
from math import prod

import numpy as np
from onnx.helper import tensor_dtype_to_np_dtype

from ..operators import Gather, Pad
from .builder import Builder, Refused, Value
from .layout import graph_axis, graph_shape
from .reader import OnnxNode


def identity(build: Builder, node: OnnxNode) -> Value:
    """Identity, and Dropout at inference."""
    return build.any_value(node.input(0))


def cast(build: Builder, node: OnnxNode) -> Value:
    """Token ids stay ids of any integer type, and reals stay reals."""
    x = build.any_value(node.input(0))
    kind = tensor_dtype_to_np_dtype(node.attributes["to"])
    if (build.tensor(x).dtype == "int32") != (kind.kind in "iu") or kind.kind not in "iuf":
        raise Refused("O-ATTRIBUTE", f"casts {build.tensor(x).dtype} to {kind}; a type of the same kind is carried")
    return x


def gather(build: Builder, node: OnnxNode) -> Value:
    """Gather of rows from a constant table, one for each token id: (n,length) -> (n,length,width), and so on."""
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


def reshape(build: Builder, node: OnnxNode) -> Value:
    """Reshape to a constant shape; 0 copies a length (unless allowzero), -1 is what is left."""
    x, target = build.any_value(node.input(0)), build.numbers(node.input(1))
    copies = not node.attributes.get("allowzero", 0)
    shape = [x.shape[axis] if n == 0 and copies and axis < len(x.shape) else n for axis, n in enumerate(target)]
    if -1 in shape:
        known = prod(n for n in shape if n != -1)
        shape[shape.index(-1)] = prod(x.shape) // known if known else 0
    return build.viewed(x, tuple(shape))


def flatten(build: Builder, node: OnnxNode) -> Value:
    """Flatten to two axes, cut before `axis`."""
    x = build.any_value(node.input(0))
    axis = node.attributes.get("axis", 1)
    axis = axis + len(x.shape) if axis < 0 else axis
    return build.viewed(x, (prod(x.shape[:axis]), prod(x.shape[axis:])))


def squeeze(build: Builder, node: OnnxNode) -> Value:
    x = build.any_value(node.input(0))
    rank = len(x.shape)
    given = build.numbers(node.input(1)) if node.input(1) else [axis for axis, n in enumerate(x.shape) if n == 1]
    axes = {axis % rank for axis in given}
    return build.viewed(x, tuple(n for axis, n in enumerate(x.shape) if axis not in axes))


def unsqueeze(build: Builder, node: OnnxNode) -> Value:
    x, given = build.any_value(node.input(0)), build.numbers(node.input(1))
    axes = {axis % (len(x.shape) + len(given)) for axis in given}
    rest = iter(x.shape)
    return build.viewed(x, tuple(1 if axis in axes else next(rest) for axis in range(len(x.shape) + len(given))))


def transpose(build: Builder, node: OnnxNode) -> Value:
    """Axes in another order: where each element lies is kept, and which ONNX position it now has."""
    x = build.any_value(node.input(0))
    axes = tuple(node.attributes.get("perm") or reversed(range(len(x.shape))))
    build.spend(x.order.nbytes)
    place_of = np.empty_like(x.order)
    place_of[np.arange(prod(x.shape)).reshape(x.shape).transpose(axes).ravel()] = np.arange(prod(x.shape))
    return replace(x, shape=tuple(x.shape[axis] for axis in axes), order=place_of[x.order])


def pad(build: Builder, node: OnnxNode) -> Value:
    """Pad with real zeros, before and after any axis but the batch."""
    x = build.standard(build.value(node.input(0)))
    rank = len(x.shape)
    if node.attributes.get("mode", "constant") != "constant" or _fill(build, node) != 0:
        raise Refused("O-ATTRIBUTE", f"pads by {node.attributes.get('mode', 'constant')}; constant zeros are carried")
    pads = build.numbers(node.input(1))
    axes = [axis % rank for axis in (build.numbers(node.input(3)) if node.input(3) else range(rank))]
    sides = dict(zip(axes, zip(pads[: len(axes)], pads[len(axes) :], strict=True), strict=True))
    if sides.get(0, (0, 0)) != (0, 0) or min(pads) < 0:
        raise Refused("O-ATTRIBUTE", f"pads {pads}; padding of at least 0 on other axes than the batch is carried")
    if not any(pads):
        return x
    pairs = [(0, 0)] * len(build.tensor(x).shape)
    for axis, pair in sides.items():
        pairs[graph_axis(axis, rank)] = pair
    shape = tuple(n + sum(sides.get(axis, (0, 0))) for axis, n in enumerate(x.shape))
    return build.image(Pad(tuple(pairs)), [x.tensor], shape, node.outputs[0])


def _fill(build: Builder, node: OnnxNode) -> float:
    return float(build.constant(node.input(2)).real().ravel()[0]) if node.input(2) else 0.0
