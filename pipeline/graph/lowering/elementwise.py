"""Lowers sums, products, bounds, per-channel scaling, batch normalization and softmax."""

from collections.abc import Mapping
from math import prod

import numpy as np
from numpy.typing import NDArray

from ..operators import Add, Maximum, Minimum, Mul, Operator, Softmax
from .builder import Builder, Refused, Value, in_one_order
from .layout import graph_shape, standard_order
from .linear import affine
from .operands import operand, spreads
from .reader import OnnxNode

OF_TWO: Mapping[str, Operator] = {"Add": Add(), "Mul": Mul()}  # also of a value and a constant that are both quantized


def add(build: Builder, node: OnnxNode) -> Value:
    """Add of two values, or of a value and one constant a channel."""
    if any(name in build.constants for name in node.inputs):
        return _with_constant(build, node)
    return _of_two(build, node, Add())


def mul(build: Builder, node: OnnxNode) -> Value:
    """Mul of two values, or of a value and one constant a channel."""
    if any(name in build.constants for name in node.inputs):
        return _with_constant(build, node)
    return _of_two(build, node, Mul())


def greatest(build: Builder, node: OnnxNode) -> Value:
    """Max of two values, or of a value and a constant."""
    return _bounded(build, node, Maximum())


def least(build: Builder, node: OnnxNode) -> Value:
    """Min of two values, or of a value and a constant."""
    return _bounded(build, node, Minimum())


def scale(build: Builder, node: OnnxNode) -> Value:
    """Sub, Mul or Div of a value and one constant a channel."""
    return _with_constant(build, node)


def batch_normalization(build: Builder, node: OnnxNode) -> Value:
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, at inference."""
    gamma, beta, mean, variance = (build.constant(name).real().astype(np.float64) for name in node.inputs[1:5])
    gain = gamma / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    return affine(build, node, gain, beta - mean * gain)


def softmax(build: Builder, node: OnnxNode) -> Value:
    """Softmax over the channels."""
    x = build.standard(build.value(node.input(0)))
    axis = node.attributes.get("axis", -1) % len(x.shape)
    if axis != 1:
        raise Refused("O-ATTRIBUTE", f"normalises axis {axis} of {x.shape}; axis 1, the channels, is carried")
    return build.elementwise(Softmax(), [x], node.outputs[0])


def _of_two(build: Builder, node: OnnxNode, operator: Operator) -> Value:
    values = [build.value(name) for name in node.inputs]
    if len({value.shape for value in values}) > 1:
        return _broadcast(build, node, operator, values)
    in_one_order(values, node)
    return build.elementwise(operator, [build.laid_out(value) for value in values], node.outputs[0])


def _broadcast(build: Builder, node: OnnxNode, operator: Operator, values: list[Value]) -> Value:
    """Values of one rank, of which one spreads over the other, as a gate a channel over an image."""
    shape = max((value.shape for value in values), key=prod)
    channels = next(value.channels for value in values if value.shape == shape)
    if not all(spreads(value.shape, shape) for value in values):
        in_one_order(values, node)
    if channels is None or any(not np.array_equal(v.order, standard_order(v.shape, channels)) for v in values):
        raise Refused("O-LAYOUT", f"its inputs {shape} lie in different orders; equally laid out ones are carried")
    names = [build.shaped(value, graph_shape(value.shape, channels)).tensor for value in values]
    return build.image(operator, names, shape, node.outputs[0], channels)


def _bounded(build: Builder, node: OnnxNode, operator: Operator) -> Value:
    if len(node.inputs) != 2:
        raise Refused("O-ATTRIBUTE", f"has {len(node.inputs)} inputs; 2 are carried: write it as several")
    names = sorted(node.inputs, key=lambda name: name in build.constants)
    if names[1] not in build.constants:
        return _of_two(build, node, operator)
    x, channels = build.aligned(build.value(names[0]))
    return build.elementwise(operator, [x, operand(build, names[1], x, channels)], node.outputs[0])


def _with_constant(build: Builder, node: OnnxNode) -> Value:
    first = node.input(0) in build.constants
    value, name = build.value(node.input(int(first))), node.input(int(not first))
    if node.operator in OF_TWO and build.tensor(value).quantization and build.constant(name).quantization:
        x, channels = build.aligned(value)
        return build.elementwise(OF_TWO[node.operator], [x, operand(build, name, x, channels)], node.outputs[0])
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
