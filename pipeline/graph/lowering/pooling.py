"""Lowers pools and means over positions."""

from ..operators import AveragePool2d, MaxPool2d, Mean, Pad, Relu, Relu6
from .builder import Builder, Refused, Value
from .convolution import padded
from .layout import graph_axis
from .reader import OnnxNode
from .value import from_front
from .windows import Windows, windows

_KEEP_THE_SIGN = ("MaxPool2d", "AveragePool2d", "Mean", "Reshape", "Pad")


def max_pool(build: Builder, node: OnnxNode) -> Value:
    """MaxPool; ONNX pads with minus infinity, which zeros stand for only where no input is negative."""
    x, spaces = _pooled(build, node)
    if spaces.dilation != (1, 1):
        raise Refused("O-ATTRIBUTE", f"has dilations {spaces.dilation}; a pool without them is carried")
    if spaces.padding is None and not _never_negative(build, x):
        raise Refused("O-ATTRIBUTE", f"pads {spaces.pads} an input that may be negative; move it behind its ReLU")
    x, spaces = padded(build, x, spaces, node)
    operator = MaxPool2d(spaces.kernel, spaces.stride, spaces.padding or "VALID")
    return build.image(operator, [x.tensor], _shape(x, spaces), node.outputs[0])


def average_pool(build: Builder, node: OnnxNode) -> Value:
    """AveragePool; where its padding counts (count_include_pad) it becomes an explicit Pad."""
    x, spaces = _pooled(build, node)
    if spaces.dilation != (1, 1):
        raise Refused("O-ATTRIBUTE", f"has dilations {spaces.dilation}; a pool without them is carried")
    if node.attributes.get("ceil_mode", 0) and any(axis.needed[1] > axis.after for axis in spaces.axes):
        raise Refused("O-ATTRIBUTE", "its ceil_mode adds windows that reach beyond the input; pad or crop instead")
    padding = spaces.padding
    if padding != "VALID" and node.attributes.get("count_include_pad", 0):
        x, spaces = _counted(build, x, spaces, node)
        padding = "VALID"
    if padding is None:
        raise Refused("O-ATTRIBUTE", f"pads {spaces.pads} without counting them; TensorFlow's SAME or none is carried")
    operator = AveragePool2d(spaces.kernel, spaces.stride, padding)
    return build.image(operator, [x.tensor], _shape(x, spaces), node.outputs[0])


def global_average_pool(build: Builder, node: OnnxNode) -> Value:
    """(n,c,h,w) -> (n,c,1,1), as a mean over both axes."""
    x = build.standard(build.value(node.input(0)))
    shape = (*x.shape[:2], *[1] * (len(x.shape) - 2))
    return build.image(Mean((1, 2), keep_dims=True), [x.tensor], shape, node.outputs[0])


def global_max_pool(build: Builder, node: OnnxNode) -> Value:
    """(n,c,h,w) -> (n,c,1,1), as a pool whose window is the image."""
    return _greatest(build, build.standard(build.value(node.input(0))), node)


def reduce_max(build: Builder, node: OnnxNode) -> Value:
    """ReduceMax over all positions; the axes are an attribute (opset < 18) or an input."""
    x = build.standard(build.value(node.input(0)))
    rank = len(x.shape)
    given = node.attributes.get("axes") or (build.numbers(node.input(1)) if node.input(1) else [])
    if rank < 3 or sorted(from_front(axis, rank) for axis in given) != list(range(2, rank)):
        raise Refused(
            "O-ATTRIBUTE", f"takes the maximum over axes {list(given)} of {x.shape}; all positions are carried"
        )
    found = _greatest(build, x, node)
    return found if node.attributes.get("keepdims", 1) else build.viewed(found, x.shape[:2])


def _greatest(build: Builder, x: Value, node: OnnxNode) -> Value:
    size = build.tensor(x).shape[1:3]
    shape = (*x.shape[:2], *[1] * (len(x.shape) - 2))
    return build.image(MaxPool2d((size[0], size[1]), (1, 1), "VALID"), [x.tensor], shape, node.outputs[0])


def reduce_mean(build: Builder, node: OnnxNode) -> Value:
    """ReduceMean over any axes but the batch; the axes are an attribute (opset < 18) or an input."""
    x, channels = build.aligned(build.value(node.input(0)))
    rank = len(x.shape)
    given = node.attributes.get("axes") or (build.numbers(node.input(1)) if node.input(1) else list(range(rank)))
    axes = sorted(from_front(axis, rank) for axis in given)
    if not axes or axes[0] == 0 or rank < 2:
        raise Refused(
            "O-ATTRIBUTE", f"means over axes {axes} of {x.shape}; means over other axes than the batch are carried"
        )
    kept = tuple(1 if axis in axes else length for axis, length in enumerate(x.shape))
    dropped = tuple(length for axis, length in enumerate(x.shape) if axis not in axes)
    over = tuple(sorted({graph_axis(axis, x.shape, channels) for axis in axes}))
    over = (1, 2) if rank == 3 and over == (2,) else over  # the one row goes along with the positions
    keep = bool(node.attributes.get("keepdims", 1))
    if over == (1, 2) and len(dropped) == 2 and not keep:
        return build.image(Mean(over), [x.tensor], dropped, node.outputs[0])
    mean = build.image(Mean(over, keep_dims=True), [x.tensor], kept, node.outputs[0], channels)
    return mean if keep else build.viewed(mean, dropped)


def _pooled(build: Builder, node: OnnxNode) -> tuple[Value, Windows]:
    x = build.standard(build.value(node.input(0)))
    return x, windows(node, x.shape, tuple(node.attributes["kernel_shape"]))


def _shape(x: Value, spaces: Windows) -> tuple[int, ...]:
    return (*x.shape[:2], *spaces.positions[4 - len(x.shape) :])


def _counted(build: Builder, x: Value, spaces: Windows, node: OnnxNode) -> tuple[Value, Windows]:
    top_bottom, left_right = spaces.pads
    lengths = tuple(axis.length for axis in spaces.unpadded().axes)
    pad = Pad(((0, 0), top_bottom, left_right, (0, 0)))
    shape = (*x.shape[:2], *lengths[4 - len(x.shape) :])
    return build.image(pad, [x.tensor], shape, node.input(0)), spaces.unpadded()


def _never_negative(build: Builder, x: Value) -> bool:
    """Whether a value is known to be at least 0: its zero point says so, or a ReLU stands before it."""
    quantization = build.tensor(x).quantization
    if quantization is not None:
        return quantization.zero_point == -128
    name = x.tensor
    while (node := build.writer(name)) is not None and node.kind in _KEEP_THE_SIGN:
        name = node.inputs[0]
    return node is not None and isinstance(node.operator, Relu | Relu6)
