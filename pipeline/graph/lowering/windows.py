"""Attributes of ONNX's windowed operators, and which of TensorFlow's paddings says the same."""

from dataclasses import dataclass

from ..operators import Padding
from ..operators.operator import Shape
from ..operators.window import Pair, same_padding
from .builder import Refused
from .reader import OnnxNode


@dataclass(frozen=True)
class Axis:
    """A window along one axis; `before` and `after` are ONNX's pads, `ceil` its ceil_mode."""

    length: int
    kernel: int
    stride: int
    dilation: int
    before: int
    after: int
    ceil: bool = False

    @property
    def reach(self) -> int:
        return (self.kernel - 1) * self.dilation + 1

    @property
    def positions(self) -> int:
        """Output positions as ONNX defines them; a last window must start inside the input or its padding before."""
        room = self.length + self.before + self.after - self.reach
        count = room // self.stride + 1
        if self.ceil and room % self.stride and count * self.stride < self.length + self.before:
            count += 1
        return count

    @property
    def needed(self) -> Pair:
        """The padding that some window really reads: what lies beyond the last window is dropped."""
        after = (self.positions - 1) * self.stride + self.reach - self.length - self.before
        return self.before, max(after, 0)

    @property
    def is_same(self) -> bool:
        """Whether TensorFlow's SAME pads this axis alike."""
        same = same_padding(self.length, self.kernel, self.stride, self.dilation)
        return self.positions == -(-self.length // self.stride) and self.needed == same


@dataclass(frozen=True)
class Windows:
    """The two axes of an image; of a 1-D operator, the first is one row."""

    height: Axis
    width: Axis

    @property
    def axes(self) -> tuple[Axis, Axis]:
        return self.height, self.width

    @property
    def kernel(self) -> Pair:
        return self.height.kernel, self.width.kernel

    @property
    def stride(self) -> Pair:
        return self.height.stride, self.width.stride

    @property
    def dilation(self) -> Pair:
        return self.height.dilation, self.width.dilation

    @property
    def positions(self) -> Pair:
        return self.height.positions, self.width.positions

    @property
    def pads(self) -> tuple[Pair, Pair]:
        return self.height.needed, self.width.needed

    @property
    def padding(self) -> Padding | None:
        """VALID where nothing is padded, SAME where TensorFlow pads alike, None where only an explicit Pad will do."""
        if self.pads == ((0, 0), (0, 0)):
            return "VALID"
        return "SAME" if self.height.is_same and self.width.is_same else None

    def unpadded(self) -> "Windows":
        """The same windows on an input that was padded explicitly before."""
        height, width = (
            Axis(axis.length + sum(axis.needed), axis.kernel, axis.stride, axis.dilation, 0, 0) for axis in self.axes
        )
        return Windows(height, width)


def windows(node: OnnxNode, shape: Shape, kernel: tuple[int, ...]) -> Windows:
    """The windows of a node on an input of ONNX shape (n,c,t) or (n,c,h,w)."""
    lengths, rank = shape[2:], len(shape) - 2
    if rank not in (1, 2) or len(kernel) != rank:
        raise Refused("O-RANK", f"its input has {len(shape)} axes {shape}; (n,c,t) and (n,c,h,w) are carried")
    strides = node.attributes.get("strides") or [1] * rank
    dilations = node.attributes.get("dilations") or [1] * rank
    ceil = bool(node.attributes.get("ceil_mode", 0))
    if tuple(node.attributes.get("kernel_shape", kernel)) != kernel or {len(strides), len(dilations)} != {rank}:
        raise Refused("O-ATTRIBUTE", f"has attributes that do not fit its window {kernel}; export it again")
    axes = [
        _padded(node, Axis(lengths[k], kernel[k], strides[k], dilations[k], 0, 0, ceil), k, rank) for k in range(rank)
    ]
    if min(min(axis.positions, axis.stride, axis.dilation) for axis in axes) < 1:
        raise Refused("O-SHAPE", f"its window {kernel} does not fit into its input {shape}")
    return Windows(*axes) if rank == 2 else Windows(Axis(1, 1, 1, 1, 0, 0), axes[0])


def _padded(node: OnnxNode, axis: Axis, k: int, rank: int) -> Axis:
    mode = node.attributes.get("auto_pad", "NOTSET")
    before, after = 0, 0
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        before, after = same_padding(axis.length, axis.kernel, axis.stride, axis.dilation)
        if mode == "SAME_LOWER":
            before, after = after, before
    elif mode == "NOTSET" and node.attributes.get("pads"):
        pads = node.attributes["pads"]
        before, after = pads[k], pads[k + rank]
    if min(before, after) < 0:
        raise Refused(
            "O-ATTRIBUTE", f"negative padding {(before, after)} is not carried; slice before the model instead"
        )
    return Axis(axis.length, axis.kernel, axis.stride, axis.dilation, before, after, axis.ceil)
