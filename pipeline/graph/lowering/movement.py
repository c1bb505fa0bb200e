"""Lowers operators that only move elements: reshapes and transpositions become a view, padding a Pad."""

from math import prod

from onnx.helper import tensor_dtype_to_np_dtype

from ..operators import Pad
from .builder import Builder, Refused, Value
from .layout import graph_axis
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
    return build.permuted(x, node.attributes.get("perm") or list(reversed(range(len(x.shape)))))


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
        pairs[graph_axis(axis, x.shape)] = pair
    shape = tuple(n + sum(sides.get(axis, (0, 0))) for axis, n in enumerate(x.shape))
    return build.image(Pad(tuple(pairs)), [x.tensor], shape, node.outputs[0])


def _fill(build: Builder, node: OnnxNode) -> float:
    return float(build.constant(node.input(2)).real().ravel()[0]) if node.input(2) else 0.0
