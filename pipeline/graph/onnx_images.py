"""How transposed convolutions and resizes are said in ONNX, channels first."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .graph import Node
from .onnx_writer import OnnxWriter
from .operators import Operator, ResizeBilinear, ResizeNearest, TransposeConv2d

Say = Callable[[OnnxWriter, Node, Any], str]
CHANNELS_FIRST, INPUTS_FIRST = (0, 3, 1, 2), (3, 0, 1, 2)  # (o,kh,kw,c) -> (c,o,kh,kw)
COORDINATES = {"corner": "asymmetric", "half-pixel": "half_pixel", "corners": "align_corners"}


def _conv_transpose(out: OnnxWriter, node: Node, conv: TransposeConv2d) -> str:
    (_, *lengths, _), (_, *kernel, _) = (out.tensor(name).shape for name in node.inputs[:2])
    before = conv.before((kernel[0], kernel[1]))
    reached = [conv.stride[k] * (lengths[k] - 1) + kernel[k] - before[k] - conv.size[k] for k in (0, 1)]
    weights = out.constant(node.inputs[1], INPUTS_FIRST)
    return out.node(
        node.outputs[0],
        "ConvTranspose",
        [out.read(node.inputs[0]), weights, *(out.constant(name, (0,)) for name in node.inputs[2:])],
        kernel_shape=kernel,
        output_padding=[max(-after, 0) for after in reached],
        pads=[*before, *(max(after, 0) for after in reached)],
        strides=conv.stride,
    )


def _resize(out: OnnxWriter, node: Node, resize: ResizeBilinear | ResizeNearest) -> str:
    """A corner on a corner takes what lies before, the others what is nearest and of two the later."""
    shape = out.tensor(node.outputs[0]).shape
    sizes = out.numbers(f"{node.outputs[0]}_sizes", np.array([shape[axis] for axis in CHANNELS_FIRST], np.int64))
    attributes: dict[str, Any] = {"mode": "linear"}
    if isinstance(resize, ResizeNearest):
        attributes = {"nearest_mode": "floor" if resize.alignment == "corner" else "round_prefer_ceil"}
    return out.node(
        node.outputs[0],
        "Resize",
        [out.read(node.inputs[0]), "", "", sizes],
        coordinate_transformation_mode=COORDINATES[resize.alignment],
        **attributes,
    )


IMAGES: Mapping[type[Operator], Say] = {
    ResizeBilinear: _resize,
    ResizeNearest: _resize,
    TransposeConv2d: _conv_transpose,
}
