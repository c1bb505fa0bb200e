"""What convolutions and dense layers share: weights and bias as tensors, and a scale or an offset folded into them."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..operators import Add, Conv2d, DepthwiseConv2d, FullyConnected, Mul, Operator, TransposeConv2d
from ..operators.operator import Shape
from ..tensor import Quantization, Tensor
from .builder import Builder, Constant, Refused, Value
from .reader import OnnxNode

LINEAR = (Conv2d, DepthwiseConv2d, FullyConnected, TransposeConv2d)


def weighted(build: Builder, node: OnnxNode, operator: Operator, x: Value, weights: Constant, shape: Shape) -> Value:
    """One more linear layer; its bias is the node's third input, or zeros."""
    channels = weights.data.shape[3 if isinstance(operator, DepthwiseConv2d) else 0]
    bias = build.constant(node.input(2)) if node.input(2) else Constant(np.zeros(channels, np.float32))
    bias = Constant(np.broadcast_to(bias.data.ravel(), (channels,)), bias.quantization)
    return linear(build, operator, x, weights, bias, shape, node)


def linear(
    build: Builder, operator: Operator, x: Value, weights: Constant, bias: Constant, shape: Shape, node: OnnxNode
) -> Value:
    """One more linear layer on quantized or float weights, as its input is quantized or float."""
    scale = build.tensor(x).quantization
    if scale is None:
        weights, bias = Constant(weights.real()), Constant(bias.real())
    elif weights.quantization is None:
        raise Refused("O-QUANTIZATION", "has float weights on a quantized input; quantize its weights too")
    elif weights.quantization.zero_point != 0:
        zero_point = weights.quantization.zero_point
        raise Refused(
            "O-QUANTIZATION", f"has weights with zero point {zero_point}; symmetric ones, with 0, are carried"
        )
    elif bias.quantization is None:
        bias = quantized_bias(bias.real(), scale, weights.quantization)
    names = [build.keep(weights, node.input(1)), build.keep(bias, node.input(2))]
    if isinstance(operator, FullyConnected) and operator.keep_dims:
        return build.rows(operator, [x.tensor, *names], shape, node.outputs[0])
    return build.image(operator, [x.tensor, *names], shape, node.outputs[0])


def quantized_bias(bias: NDArray[np.float32], x: Quantization, weights: Quantization) -> Constant:
    """A float bias as int32 of scale `s_x * s_w`, one a channel where the weights have one a channel."""
    scale = (x.per_tensor_scale * weights.scale.astype(np.float64)).astype(np.float32)
    steps = Quantization(scale, 0, None if weights.axis is None else 0)
    return Constant(steps.quantize(bias, "int32"), steps)


def affine(build: Builder, node: OnnxNode, gain: NDArray[np.float64], offset: NDArray[np.float64]) -> Value:
    """`gain * x + offset`, one a channel or one for all.

    Folded into the layer before it, where there is one; a mere factor waits for who can take it in; else a layer of one
    tap, a product or a sum.
    """
    name = next(name for name in node.inputs if name in build.values)
    if gain.size == offset.size == 1 and not offset.any() and not _folds(build, build.any_value(name), gain, offset):
        x, before = build.scaled(name)
        return replace(x, gain=before * float(gain.ravel()[0]))
    x, before = build.scaled(name)
    return scaled_by_channel(build, x, gain.ravel() * before, offset.ravel(), node.outputs[0])


def scaled_by_channel(
    build: Builder, x: Value, gain: NDArray[np.float64], offset: NDArray[np.float64], origin: str
) -> Value:
    """`gain * x + offset`, one a channel or one for all: in the layer before, or on their own."""
    if build.tensor(x).quantization is not None:
        raise Refused("O-QUANTIZATION", "scales a quantized tensor; fold it into its layer before quantizing")
    if not _folds(build, x, gain, offset):
        return _alone(build, origin, x, gain, offset)
    before, width = build.writer(x.tensor), build.tensor(x).shape[-1]
    assert before is not None
    for tensor in _folded(build.inputs_of(before)[1:], before.operator, *_spread(width, gain, offset)):
        build.change(tensor)
    build.change(replace(build.tensor(x), origin=origin))
    return x


def _folds(build: Builder, x: Value, gain: NDArray[np.float64], offset: NDArray[np.float64]) -> bool:
    """Whether a layer wrote x for this reader alone, and its channels are those that the values are for."""
    before, width = build.writer(x.tensor), build.tensor(x).shape[-1]
    fits = max(gain.size, offset.size) == 1 or (x.channels is not None and width == x.shape[channel_axis(x)])
    alone = before is not None and isinstance(before.operator, LINEAR) and build.only_use(x) and x.gain == 1.0
    return alone and fits and build.tensor(x).quantization is None


def channel_axis(x: Value) -> int:
    """The ONNX axis of a value's channels, which lie innermost in the graph's tensor."""
    return len(x.shape) - 1 if x.channels == "last" else min(1, len(x.shape) - 1)


def _spread(width: int, *parts: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    return (np.broadcast_to(part, (width,)) for part in parts)


def _alone(build: Builder, origin: str, x: Value, gain: NDArray[np.float64], offset: NDArray[np.float64]) -> Value:
    """A product, a sum, or both, where no layer takes them in; on images with values by channel, a layer of one tap."""
    x, channels = build.aligned(x)
    rank = len(build.tensor(x).shape)
    by_channel = len(set(gain)) > 1 or len(set(offset)) > 1
    if rank == 4 and (by_channel or (np.any(gain != 1) and np.any(offset != 0))):
        gain, offset = _spread(build.tensor(x).shape[-1], gain, offset)
        names = [build.keep(Constant(part), origin) for part in (gain.reshape(1, 1, 1, -1), offset)]
        return build.elementwise(DepthwiseConv2d(), [x, *(replace(x, tensor=name) for name in names)], origin)
    for operator, part in ((Mul(), gain), (Add(), offset)):
        if np.any(part != (1 if isinstance(operator, Mul) else 0)):
            values = part if by_channel else part[:1]
            constant = Constant(values.reshape([1] * (rank - 1) + [-1]))
            second = replace(x, tensor=build.keep(constant, origin))
            x = build.elementwise(operator, [x, second], origin)
    return x


def _folded(
    constants: list[Tensor], operator: Operator, gain: NDArray[np.float64], offset: NDArray[np.float64]
) -> list[Tensor]:
    weights, bias = constants
    assert weights.data is not None and bias.data is not None
    if weights.quantization is not None:
        return [_shifted(bias, gain, offset)]
    by_channel = gain if isinstance(operator, DepthwiseConv2d) else gain.reshape(-1, *[1] * (weights.data.ndim - 1))
    return [
        replace(weights, data=(weights.data * by_channel).astype(np.float32)),
        replace(bias, data=(bias.data * gain + offset).astype(np.float32)),
    ]


def _shifted(bias: Tensor, gain: NDArray[np.float64], offset: NDArray[np.float64]) -> Tensor:
    """An integer bias plus an offset; its weights are integers, which no gain may change."""
    assert bias.data is not None and bias.quantization is not None
    if np.any(gain != 1):
        raise Refused("O-QUANTIZATION", "scales a layer of integer weights; fold it before quantizing")
    return replace(bias, data=bias.data + bias.quantization.quantize(offset, "int32"))
