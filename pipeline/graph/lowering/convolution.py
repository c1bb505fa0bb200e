"""Lowers Conv, in one and two dimensions, plain, grouped and depthwise."""

from ..operators import Conv2d, DepthwiseConv2d, Operator, Pad
from .builder import Builder, Constant, Refused, Value
from .linear import weighted
from .reader import OnnxNode
from .windows import Windows, windows


def conv(build: Builder, node: OnnxNode) -> Value:
    """Conv: x (n,c,h,w) or (n,c,t), w (o,c/group,kh,kw) or (o,c/group,k), bias (o,) or none."""
    x = build.standard(build.value(node.input(0)))
    weights = as_image(build.constant(node.input(1)))
    spaces = windows(node, x.shape, build.constant(node.input(1)).data.shape[2:])
    x, spaces = padded(build, x, spaces, node)
    positions = spaces.positions[4 - len(x.shape) :]
    operator, laid_out = _operator(node, weights, spaces, channels=x.shape[1])
    return weighted(build, node, operator, x, laid_out, (1, len(weights.data), *positions))


def as_image(weights: Constant) -> Constant:
    """(o,c,k) as (o,c,1,k); four axes stay."""
    if weights.data.ndim == 3:
        return Constant(weights.data[:, :, None, :], weights.quantization)
    if weights.data.ndim != 4:
        raise Refused("O-RANK", f"its weights have {weights.data.ndim} axes; (o,c,k) and (o,c,kh,kw) are carried")
    return weights


def padded(build: Builder, x: Value, spaces: Windows, node: OnnxNode) -> tuple[Value, Windows]:
    """The input with an explicit Pad of real zeros, where no padding of TensorFlow's says what ONNX's does."""
    if spaces.padding is not None:
        return x, spaces
    top_bottom, left_right = spaces.pads
    lengths = tuple(axis.length for axis in spaces.unpadded().axes)
    shape = (*x.shape[:2], *lengths[4 - len(x.shape) :])
    pad = Pad(((0, 0), top_bottom, left_right, (0, 0)))
    return build.image(pad, [x.tensor], shape, node.input(0)), spaces.unpadded()


def _operator(node: OnnxNode, weights: Constant, spaces: Windows, channels: int) -> tuple[Operator, Constant]:
    """The operator, and its weights channels last: (o,kh,kw,c) or, depthwise, (1,kh,kw,o)."""
    group, (outputs, depth) = node.attributes.get("group", 1), weights.data.shape[:2]
    padding = spaces.padding or "VALID"
    if depth * group != channels:
        raise Refused("O-SHAPE", f"has weights for {depth * group} channels on an input of {channels}")
    if outputs % group:
        raise Refused("O-SHAPE", f"has {outputs} outputs in {group} groups")
    if depth == 1 and group > 1:
        operator = DepthwiseConv2d(spaces.stride, padding, spaces.dilation, outputs // group)
        return operator, weights.transposed((1, 2, 3, 0))
    return Conv2d(spaces.stride, padding, spaces.dilation), weights.transposed((0, 2, 3, 1))
