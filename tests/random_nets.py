"""Small random integer nets with many zero weights: what the tests of the C generator's passes and plans share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from edgestill.pipeline.graph.execute import run_integer
from edgestill.pipeline.graph.graph import Graph, Node
from edgestill.pipeline.graph.operators import (
    Activation,
    Add,
    AveragePool2d,
    Concat,
    Conv2d,
    DepthwiseConv2d,
    FullyConnected,
    MaxPool2d,
    Mean,
    Mul,
    Operator,
    Pad,
    Padding,
    Quantize,
    Relu,
    Relu6,
    Reshape,
    Softmax,
)
from edgestill.pipeline.graph.tensor import Quantization, Tensor, per_tensor
from edgestill.tests.single_operator import samples

EDGES = (-128, -127, 0, 126, 127)
Sizes = tuple[int, ...]


@dataclass
class Maker:
    """A graph that grows layer by layer; `now` is the tensor that the next layer reads."""

    rng: np.random.Generator
    tensors: dict[str, Tensor] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    now: str = "x"

    def graph(self, outputs: Sequence[str]) -> Graph:
        used = {name for node in self.nodes for name in (*node.inputs, *node.outputs)}
        tensors = {name: tensor for name, tensor in self.tensors.items() if name in used}
        return Graph(tensors, tuple(self.nodes), ("x",), tuple(dict.fromkeys(outputs)))

    def constant(self, data: np.ndarray, quantization: Quantization) -> str:
        name = f"c{len(self.tensors)}"
        self.tensors[name] = Tensor(name, data.shape, data.dtype.name, quantization, data)  # type: ignore[arg-type]
        return name

    def layer(self, operator: Operator, inputs: Sequence[str], quantization: Quantization) -> None:
        shape = operator.shape([self.tensors[name].shape for name in inputs])
        self.now = f"t{len(self.tensors)}"
        self.tensors[self.now] = Tensor(self.now, shape, "int8", quantization)
        self.nodes.append(Node(operator, tuple(inputs), (self.now,)))

    @property
    def shape(self) -> Sizes:
        return self.tensors[self.now].shape

    def quantization(self, name: str = "") -> Quantization:
        found = self.tensors[name or self.now].quantization
        assert found is not None
        return found

    def drawn(self) -> Quantization:
        edge = self.rng.random() < 0.3
        zero_point = self.rng.choice(EDGES) if edge else self.rng.integers(-60, 60)
        return per_tensor(float(np.float32(self.rng.uniform(0.02, 0.3))), int(zero_point))

    def weighted(self, operator: Operator, shape: Sizes, channel_axis: int) -> None:
        """A layer with a per-channel scale, whose rows, columns and single weights are often zeros."""
        output, count = self.drawn(), shape[channel_axis]
        ratio = 2.0 ** self.rng.uniform(-8, -3, count) * output.per_tensor_scale / self.quantization().per_tensor_scale
        scale = Quantization(ratio.astype(np.float32), 0, channel_axis)
        weights = self.rng.integers(-127, 128, shape)
        for axis in (channel_axis, len(shape) - 1):
            kept = self.rng.random(shape[axis]) < self.rng.choice([0.5, 0.8, 1.0, 1.0])
            weights = weights * np.expand_dims(kept, [a for a in range(len(shape)) if a != axis])
        weights *= self.rng.random(shape) < 0.8
        inputs = [self.now, self.constant(weights.astype(np.int8), scale)]
        if self.rng.random() < 0.8:
            bias = self.rng.integers(-3000, 3000, count).astype(np.int32)
            steps = (self.quantization().per_tensor_scale * ratio).astype(np.float32)
            inputs.append(self.constant(bias, Quantization(steps, 0, 0)))
        self.layer(operator, inputs, output)

    def pick(self, *choices: int) -> int:
        return int(self.rng.choice(choices))

    def window(self) -> tuple[int, int]:
        """A kernel that fits."""
        return tuple(self.pick(*range(1, min(3, length) + 1)) for length in self.shape[1:3])  # type: ignore[return-value]

    def padding(self) -> Padding:
        return "SAME" if self.rng.random() < 0.6 else "VALID"

    def activation(self) -> Activation:
        return ("none", "none", "relu", "relu6")[self.pick(0, 1, 2, 3)]


def check_same(before: Graph, after: Graph, seed: int) -> None:
    """Both graphs give the same integers."""
    inputs = samples(before, seed)
    for ours, theirs in zip(run_integer(after, inputs), run_integer(before, inputs), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def _image(made: Maker) -> bool:
    return len(made.shape) == 4


def conv(made: Maker) -> None:
    kernel, stride = made.window(), (made.pick(1, 2), made.pick(1, 2))
    dilation = (1, 1) if made.rng.random() < 0.8 else tuple(2 if k == 1 else 1 for k in kernel)
    operator = Conv2d(stride, made.padding(), dilation, made.activation())  # type: ignore[arg-type]
    made.weighted(operator, (made.pick(2, 5, 8), *kernel, made.shape[3]), 0)


def grouped(made: Maker) -> None:
    groups = 2 if made.shape[3] % 2 == 0 else 1
    made.weighted(Conv2d((1, 1), "SAME"), (2 * groups, 1, 1, made.shape[3] // groups), 0)


def pointwise(made: Maker) -> None:
    made.weighted(Conv2d(activation=made.activation()), (made.pick(2, 4, 9), 1, 1, made.shape[3]), 0)


def depthwise(made: Maker) -> None:
    multiplier = made.pick(1, 1, 2)
    operator = DepthwiseConv2d((made.pick(1, 2),) * 2, made.padding(), (1, 1), multiplier, made.activation())
    made.weighted(operator, (1, *made.window(), made.shape[3] * multiplier), 3)


def residual(made: Maker) -> None:
    """A branch that comes back to where it left."""
    left, channels = made.now, made.shape[3]
    made.weighted(Conv2d((1, 1), "SAME"), (channels, *made.window(), channels), 0)
    made.layer(Add(made.activation()), (left, made.now), made.drawn())


def joined(made: Maker) -> None:
    """Two layers of one input, side by side."""
    left = made.now
    pointwise(made)
    one = made.now
    made.now = left
    pointwise(made)
    made.layer(Quantize(), (made.now,), made.quantization(one))
    made.layer(Concat(3), (one, made.now), made.quantization(one))


def pooled(made: Maker) -> None:
    kind = (AveragePool2d, MaxPool2d)[made.pick(0, 1)]
    operator = kind(made.window(), (made.pick(1, 2), 1), made.padding(), made.activation())
    made.layer(operator, (made.now,), made.quantization())


def rectified(made: Maker) -> None:
    if made.rng.random() < 0.5:
        made.layer(Relu6(), (made.now,), made.quantization())
    else:
        made.layer(Relu(), (made.now,), made.quantization() if made.rng.random() < 0.5 else made.drawn())


def padded(made: Maker) -> None:
    sides = tuple((made.pick(0, 1), made.pick(0, 1)) for _ in (0, 1))
    made.layer(Pad(((0, 0), *sides, (0, 0))), (made.now,), made.quantization())


def gained(made: Maker) -> None:
    gain = made.constant(made.rng.integers(-128, 128, (1, 1, 1, made.shape[3])).astype(np.int8), made.drawn())
    made.layer(Mul(), (made.now, gain), made.drawn())


def flattened(made: Maker) -> None:
    if _image(made) and made.rng.random() < 0.5:
        made.layer(Mean((1, 2)), (made.now,), made.drawn())
    elif _image(made):
        made.layer(Reshape((1, int(np.prod(made.shape)))), (made.now,), made.quantization())
    made.weighted(FullyConnected(made.activation()), (made.pick(3, 6), made.shape[-1]), 0)


ON_IMAGES: tuple[Callable[[Maker], None], ...] = (
    conv,
    pointwise,
    depthwise,
    residual,
    joined,
    pooled,
    rectified,
    padded,
    gained,
    grouped,
)


@st.composite
def nets(draw: st.DrawFn, most: int = 6) -> Graph:
    """A chain of layers with branches in it; its last value is returned, now and then one before it, too."""
    made = Maker(np.random.default_rng(draw(st.integers(0, 2**32 - 1))))
    height, width, depth = (draw(st.integers(1, 7)) for _ in range(3))
    made.tensors["x"] = Tensor("x", (1, height, width, depth), "int8", made.drawn())
    for step in draw(st.lists(st.sampled_from(ON_IMAGES), min_size=1, max_size=most)):
        step(made)
    early = made.now
    for _ in range(draw(st.integers(0, 2))):
        flattened(made)
    if len(made.shape) == 2 and draw(st.booleans()):
        made.layer(Softmax(), (made.now,), per_tensor(1 / 256, -128))
    return made.graph([early, made.now] if draw(st.booleans()) else [made.now])
