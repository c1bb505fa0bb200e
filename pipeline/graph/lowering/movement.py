"""Lowers operators that only move elements: reshapes and transpositions become a view, padding a Pad or a cut."""

from collections.abc import Mapping
from math import prod

from onnx.helper import tensor_dtype_to_np_dtype

from ..operators import MirrorPad, Pad, Slice
from .builder import Builder, Refused, Value
from .layout import graph_axis
from .reader import OnnxNode
from .value import from_front

Sides = Mapping[int, tuple[int, int]]  # before and after, by axis of ONNX


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
    axes = {from_front(axis, rank) for axis in given}
    return build.viewed(x, tuple(n for axis, n in enumerate(x.shape) if axis not in axes))


def unsqueeze(build: Builder, node: OnnxNode) -> Value:
    x, given = build.any_value(node.input(0)), build.numbers(node.input(1))
    axes = {from_front(axis, len(x.shape) + len(given)) for axis in given}
    rest = iter(x.shape)
    return build.viewed(x, tuple(1 if axis in axes else next(rest) for axis in range(len(x.shape) + len(given))))


def transpose(build: Builder, node: OnnxNode) -> Value:
    """Axes in another order: where each element lies is kept, and which ONNX position it now has."""
    x = build.any_value(node.input(0))
    return build.permuted(x, node.attributes.get("perm") or list(reversed(range(len(x.shape)))))


def pad(build: Builder, node: OnnxNode) -> Value:
    """Pad with real zeros or by reflection, before and after any axis but the batch; negative padding cuts off."""
    x = build.standard(build.value(node.input(0)))
    rank, mode = len(x.shape), node.attributes.get("mode", "constant")
    if mode not in ("constant", "reflect"):
        raise Refused("O-ATTRIBUTE", f"pads by {mode}; constant zeros and reflect are carried")
    if mode == "constant" and _fill(build, node) != 0:
        raise Refused("O-ATTRIBUTE", f"pads by {_fill(build, node):g}; constant zeros are carried")
    pads = build.numbers(node.input(1))
    axes = [from_front(axis, rank) for axis in (build.numbers(node.input(3)) if node.input(3) else range(rank))]
    sides = dict(zip(axes, zip(pads[: len(axes)], pads[len(axes) :], strict=True), strict=True))
    if sides.get(0, (0, 0)) != (0, 0):
        raise Refused("O-ATTRIBUTE", f"pads {pads}; padding of other axes than the batch is carried")
    x = _cropped(build, node, x, {axis: (max(-b, 0), max(-a, 0)) for axis, (b, a) in sides.items()})
    return _padded(build, node, x, {axis: (max(b, 0), max(a, 0)) for axis, (b, a) in sides.items()}, mode)


def _cropped(build: Builder, node: OnnxNode, x: Value, sides: Sides) -> Value:
    """Without what lies before and after."""
    if not any(map(any, sides.values())):
        return x
    given = build.tensor(x).shape
    cut = {graph_axis(axis, x.shape): pair for axis, pair in sides.items()}
    pairs = [cut.get(axis, (0, 0)) for axis in range(len(given))]
    size = tuple(n - before - after for n, (before, after) in zip(given, pairs, strict=True))
    shape = tuple(n - sum(sides.get(axis, (0, 0))) for axis, n in enumerate(x.shape))
    return build.image(Slice(tuple(before for before, _ in pairs), size), [x.tensor], shape, node.outputs[0])


def _padded(build: Builder, node: OnnxNode, x: Value, sides: Sides, mode: str) -> Value:
    """With padding before and after."""
    if not any(map(any, sides.values())):
        return x
    grown = {graph_axis(axis, x.shape): pair for axis, pair in sides.items()}
    pairs = tuple(grown.get(axis, (0, 0)) for axis in range(len(build.tensor(x).shape)))
    shape = tuple(n + sum(sides.get(axis, (0, 0))) for axis, n in enumerate(x.shape))
    operator = Pad(pairs) if mode == "constant" else MirrorPad(pairs)
    return build.image(operator, [x.tensor], shape, node.outputs[0])


def _fill(build: Builder, node: OnnxNode) -> float:
    return float(build.constant(node.input(2)).real().ravel()[0]) if node.input(2) else 0.0
