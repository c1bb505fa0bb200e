"""Lowers Resize: whatever coordinates ONNX names, where TFLite has an alignment that takes the same values."""

from collections.abc import Callable, Mapping
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from ..operators import ResizeBilinear, ResizeNearest
from ..operators.resizing import Alignment, nearest, positions
from ..operators.window import Pair
from .builder import Builder, Refused, Value
from .reader import OnnxNode
from .value import from_front

NEAR = 1e-4  # of a pixel, by which float32 steps may differ
ROUNDED: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "floor": np.floor,
    "ceil": np.ceil,
    "round_prefer_floor": lambda places: np.ceil(places - 0.5),
    "round_prefer_ceil": lambda places: np.floor(places + 0.5),
}


def resize(build: Builder, node: OnnxNode) -> Value:
    """Resize of height and width, nearest or linear; sizes or scales are constant."""
    x = build.standard(build.value(node.input(0)))
    mode = node.attributes.get("mode", "nearest")
    _refuse(node, mode)
    shape = _shape(build, node, x)
    pairs = list(zip(x.shape[2:], shape[2:], strict=True))
    if node.attributes.get("antialias", 0) and any(size < length for length, size in pairs):
        raise Refused("O-ATTRIBUTE", "has antialias set, which is not carried where an image shrinks; leave it out")
    places = [_places(node, length, size) for length, size in pairs]
    if len(pairs) == 1:  # an image of one row
        pairs, places = [(1, 1), *pairs], [np.zeros(1), *places]
    size = pairs[0][1], pairs[1][1]
    operator = _nearest(node, pairs, places, size) if mode == "nearest" else _bilinear(pairs, places, size)
    return build.image(operator, [x.tensor], shape, node.outputs[0])


def _refuse(node: OnnxNode, mode: str) -> None:
    if mode not in ("nearest", "linear"):
        raise Refused("O-ATTRIBUTE", f"interpolates by {mode}; nearest and linear are carried")
    if node.attributes.get("exclude_outside", 0):
        raise Refused("O-ATTRIBUTE", "has exclude_outside set, which is not carried; leave it out")
    if node.attributes.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Refused("O-ATTRIBUTE", "keeps the aspect ratio; give the sizes themselves")


def _shape(build: Builder, node: OnnxNode, x: Value) -> tuple[int, ...]:
    """ONNX's output shape, from sizes or scales for all axes or for those named."""
    rank = len(x.shape)
    axes = [from_front(axis, rank) for axis in node.attributes.get("axes") or range(rank)]
    if node.input(3):
        given = dict(zip(axes, build.numbers(node.input(3)), strict=True))
    else:
        scales = build.constant(node.input(2)).data.ravel()
        given = {axis: int(np.floor(x.shape[axis] * scale)) for axis, scale in zip(axes, scales, strict=True)}
        if any(abs(x.shape[axis] * scale - given[axis]) > NEAR for axis, scale in zip(axes, scales, strict=True)):
            raise Refused("O-ATTRIBUTE", f"scales by {list(scales)}, which gives no whole sizes; export it with sizes")
    shape = tuple(given.get(axis, length) for axis, length in enumerate(x.shape))
    if rank not in (3, 4) or shape[:2] != x.shape[:2] or min(shape) < 1:
        raise Refused("O-SHAPE", f"resizes {x.shape} to {shape}; height and width of an image are carried")
    return shape


def _places(node: OnnxNode, length: int, size: int) -> NDArray[np.float64]:
    """Where each output lies along the input, by the node's coordinates."""
    mode = node.attributes.get("coordinate_transformation_mode", "half_pixel")
    outputs = np.arange(size, dtype=np.float64)
    if mode == "align_corners":
        return outputs * ((length - 1) / (size - 1) if size > 1 else 0)
    if mode == "asymmetric":
        return outputs * (length / size)
    if mode == "half_pixel" or (mode == "pytorch_half_pixel" and size > 1):
        return (outputs + 0.5) * (length / size) - 0.5
    if mode == "pytorch_half_pixel":
        return np.zeros(1)
    raise Refused("O-ATTRIBUTE", f"has coordinates by {mode}; half_pixel, align_corners and asymmetric are carried")


def _nearest(node: OnnxNode, pairs: list[Pair], places: list[NDArray[np.float64]], size: Pair) -> ResizeNearest:
    rounding = node.attributes.get("nearest_mode", "round_prefer_floor")
    wanted = [
        np.clip(ROUNDED[rounding](along), 0, length - 1) for along, (length, _) in zip(places, pairs, strict=True)
    ]
    for alignment in get_args(Alignment):
        found = [nearest(*pair, alignment) for pair in pairs]
        if all(np.array_equal(mine, theirs) for mine, theirs in zip(found, wanted, strict=True)):
            return ResizeNearest(size, alignment)
    raise Refused("O-ATTRIBUTE", f"picks by {rounding} values that no resize of TFLite does; use asymmetric and floor")


def _bilinear(pairs: list[Pair], places: list[NDArray[np.float64]], size: Pair) -> ResizeBilinear:
    for alignment in get_args(Alignment):
        found = [positions(*pair, alignment) for pair in pairs]
        near = [
            np.allclose(np.clip(mine, 0, length - 1), np.clip(theirs, 0, length - 1), atol=NEAR, rtol=0)
            for mine, theirs, (length, _) in zip(found, places, pairs, strict=True)
        ]
        if all(near):
            return ResizeBilinear(size, alignment)
    raise Refused("O-ATTRIBUTE", "has coordinates that no resize of TFLite has; use half_pixel or align_corners")
