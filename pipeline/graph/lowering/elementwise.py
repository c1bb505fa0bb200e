"""Lowers sums, activations, per-channel scaling, batch normalization and softmax."""

import numpy as np
from numpy.typing import NDArray

from ..operators import Add, Operator, Relu, Relu6, Softmax
from .builder import Builder, Refused, Value, in_one_order
from .linear import affine
from .reader import OnnxNode


def add(build: Builder, node: OnnxNode) -> Value:
    """Add of two values, or of a value and one constant a channel."""
    if any(name in build.constants for name in node.inputs):
        return _with_constant(build, node)
    values = [build.value(name) for name in node.inputs]
    in_one_order(values, node)
    values = [build.laid_out(value) for value in values]
    return build.elementwise(Add(), values, node.outputs[0])


def scale(build: Builder, node: OnnxNode) -> Value:
    """Sub, Mul or Div of a value and one constant a channel."""
    return _with_constant(build, node)


def batch_normalization(build: Builder, node: OnnxNode) -> Value:
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, at inference."""
    gamma, beta, mean, variance = (build.constant(name).real().astype(np.float64) for name in node.inputs[1:5])
    gain = gamma / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    return affine(build, node, gain, beta - mean * gain)


def relu(build: Builder, node: OnnxNode) -> Value:
    return build.elementwise(Relu(), [build.value(node.input(0))], node.outputs[0])


def clip(build: Builder, node: OnnxNode) -> Value:
    """Clip to [0, 6] or to [0, infinity)."""
    x = build.value(node.input(0))
    low, high = (_bound(build, node.input(index)) for index in (1, 2))
    if low != 0 or high not in (6, None):
        raise Refused("O-ATTRIBUTE", f"clips to [{low}, {high}]; [0, 6] and [0, infinity) are carried")
    operator: Operator = Relu6() if high == 6 else Relu()
    return build.elementwise(operator, [x], node.outputs[0])


def softmax(build: Builder, node: OnnxNode) -> Value:
    """Softmax over the channels."""
    x = build.standard(build.value(node.input(0)))
    axis = node.attributes.get("axis", -1) % len(x.shape)
    if axis != 1:
        raise Refused("O-ATTRIBUTE", f"normalises axis {axis} of {x.shape}; axis 1, the channels, is carried")
    return build.elementwise(Softmax(), [x], node.outputs[0])


def _bound(build: Builder, name: str) -> float | None:
    bound = float(build.constant(name).real().ravel()[0]) if name else None
    return None if bound is None or np.isinf(bound) or bound >= np.finfo(np.float32).max else bound


def _with_constant(build: Builder, node: OnnxNode) -> Value:
    first = node.input(0) in build.constants
    value, name = build.value(node.input(int(first))), node.input(int(not first))
    constant = _by_channel(build.constant(name).real().astype(np.float64), value)
    one, zero = np.ones_like(constant), np.zeros_like(constant)
    if node.operator == "Div" and first:
        raise Refused("O-ATTRIBUTE", "divides a constant by a value, which is not carried")
    gains_and_offsets = {
        "Add": (one, constant),
        "Sub": (-one, constant) if first else (one, -constant),
        "Mul": (constant, zero),
        "Div": (1 / constant if node.operator == "Div" else one, zero),
    }
    return affine(build, node, *gains_and_offsets[node.operator])


def _by_channel(constant: NDArray[np.float64], value: Value) -> NDArray[np.float64]:
    """A constant that broadcasts along the channels only, as (channels,) or (1,)."""
    rank = len(value.shape)
    shape = (1,) * (rank - constant.ndim) + constant.shape
    if len(shape) != rank or shape[1] not in (1, value.shape[1]) or max(shape[:1] + shape[2:], default=1) > 1:
        raise Refused("O-SHAPE", f"meets a constant of shape {constant.shape}; one value a channel is carried")
    return constant.reshape(-1)
