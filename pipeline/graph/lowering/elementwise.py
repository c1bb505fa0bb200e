"""Lowers sums, products, bounds, per-channel scaling, batch normalization and softmax."""

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from ..operators import Add, Maximum, Minimum, Mul, Operator, Softmax, Sub
from .builder import Builder, Constant, Refused, Value
from .linear import affine, channel_axis
from .operands import operand, spreads
from .reader import OnnxNode
from .value import from_front

OF_TWO: Mapping[str, Operator] = {"Add": Add(), "Div": Mul(), "Mul": Mul(), "Sub": Sub()}  # of a value and a constant


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


def sub(build: Builder, node: OnnxNode) -> Value:
    """Sub of two values, or of a value and a constant."""
    if any(name in build.constants for name in node.inputs):
        return _with_constant(build, node)
    return _of_two(build, node, Sub())


def power(build: Builder, node: OnnxNode) -> Value:
    """Pow of a value: squares, as a product with itself."""
    exponent = build.constant(node.input(1)).real()
    if exponent.size != 1 or exponent.item() not in (1.0, 2.0):
        raise Refused("O-CONSTANT", "raises to another power than 2; say it by Mul, or by Sqrt and Reciprocal")
    x = build.value(node.input(0))
    return x if exponent.item() == 1.0 else build.elementwise(Mul(), [x, x], node.outputs[0])


def scale(build: Builder, node: OnnxNode) -> Value:
    """Div of a value by a constant."""
    return _with_constant(build, node)


def batch_normalization(build: Builder, node: OnnxNode) -> Value:
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, at inference."""
    if node.attributes.get("training_mode", 0):
        raise Refused("O-ATTRIBUTE", "is in training mode, where the batch decides; export after model.eval()")
    gamma, beta, mean, variance = (build.constant(name).real().astype(np.float64) for name in node.inputs[1:5])
    gain = gamma / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    return affine(build, node, gain, beta - mean * gain)


def softmax(build: Builder, node: OnnxNode) -> Value:
    """Softmax over any axis but the batch; one that does not lie innermost is turned there and back."""
    x, gain = build.scaled(node.input(0))
    rank, axis = len(x.shape), from_front(node.attributes.get("axis", -1), len(x.shape))
    if axis == 0 and x.shape[0] == 1:
        raise Refused("O-ATTRIBUTE", "normalises the batch; any other axis is carried")
    operator = Softmax(float(np.float32(gain)))
    x, _ = build.aligned(x)
    if axis == channel_axis(x):
        return build.elementwise(operator, [x], node.outputs[0])
    there = [other for other in range(rank) if other != axis] + [axis]
    turned = build.lying(build.permuted(x, there), "last")
    given = build.elementwise(operator, [turned], node.outputs[0])
    return build.permuted(given, [there.index(other) for other in range(rank)])


def _of_two(build: Builder, node: OnnxNode, operator: Operator) -> Value:
    """Values of one shape, or of one rank of which one spreads over the other, as a gate a channel over an image."""
    values = [build.value(name) for name in node.inputs]
    if not any(np.array_equal(value.order, values[0].order) for value in values[1:]) or _differ(values):
        return _broadcast(build, node, operator, values)
    return build.elementwise(operator, [build.laid_out(value) for value in values], node.outputs[0])


def _differ(values: Sequence[Value]) -> bool:
    return any(value.shape != values[0].shape for value in values)


def _broadcast(build: Builder, node: OnnxNode, operator: Operator, values: Sequence[Value]) -> Value:
    """Values that do not lie alike: all are laid out as the larger one does, or else turned to ONNX's own order."""
    larger = max(values, key=lambda value: prod(value.shape))
    shape, channels = larger.shape, larger.channels or "last"
    if not all(spreads(value.shape, shape) for value in values) or (_differ(values) and shape[0] != 1):
        shapes = " and ".join(str(value.shape) for value in values)
        raise Refused(
            "O-SHAPE", f"its inputs have shapes {shapes}; of one rank, and one spread over the other, are carried"
        )
    names = [build.lying(value, channels).tensor for value in values]
    return build.image(operator, names, shape, node.outputs[0], channels)


def _bounded(build: Builder, node: OnnxNode, operator: Operator) -> Value:
    if len(node.inputs) != 2:
        raise Refused("O-ATTRIBUTE", f"has {len(node.inputs)} inputs; 2 are carried: write it as several")
    names = sorted(node.inputs, key=lambda name: name in build.constants)
    if names[1] not in build.constants:
        return _of_two(build, node, operator)
    x, channels = build.aligned(build.value(names[0]))
    return build.elementwise(operator, [x, operand(build, names[1], x, channels, compared=True)], node.outputs[0])


def _with_constant(build: Builder, node: OnnxNode) -> Value:
    """One value a channel goes into the layer before; any other constant is an operand."""
    first = node.input(0) in build.constants
    (value, _), name = build.scaled(node.input(int(first))), node.input(int(not first))
    if node.operator == "Div" and first:
        raise Refused("O-ATTRIBUTE", "divides a constant by a value, which is not carried")
    whole = build.constant(name)
    quantized = build.tensor(value).quantization is not None
    constant = None if quantized and _is_operand(whole) else _by_channel(whole, value)
    if constant is None:
        return _of_a_constant(build, node, build.value(node.input(int(first))), whole, first)
    one, zero = np.ones_like(constant), np.zeros_like(constant)
    gains_and_offsets = {
        "Add": (one, constant),
        "Sub": (-one, constant) if first else (one, -constant),
        "Mul": (constant, zero),
        "Div": (1 / constant if node.operator == "Div" else one, zero),
    }
    return affine(build, node, *gains_and_offsets[node.operator])


def _of_a_constant(build: Builder, node: OnnxNode, value: Value, whole: Constant, first: bool) -> Value:
    """Value by value; a division as a product with the inverses."""
    x, channels = build.aligned(value)
    if node.operator == "Div":
        whole = Constant((1 / whole.real().astype(np.float64)).astype(np.float32))
    other = operand(build, node.input(int(not first)), x, channels, whole)
    pair = [other, x] if first and node.operator == "Sub" else [x, other]
    return build.elementwise(OF_TWO[node.operator], pair, node.outputs[0])


def _is_operand(constant: Constant) -> bool:
    """Whether a quantized constant is an int8 operand of its own, and no int32 bias."""
    return constant.quantization is not None and constant.data.dtype == np.int8


def _by_channel(constant: Constant, value: Value) -> NDArray[np.float64] | None:
    """A constant that broadcasts along the channels only, as (channels,) or (1,); None when it does otherwise."""
    rank, data = len(value.shape), constant.real().astype(np.float64)
    shape, axis = (1,) * (rank - data.ndim) + data.shape, channel_axis(value)
    if data.size == 1:
        return data.reshape(-1) if data.ndim <= rank else None
    others = shape[:axis] + shape[axis + 1 :]
    lies = len(shape) == rank and value.channels is not None and shape[axis] == value.shape[axis]
    return data.reshape(-1) if lies and max(others, default=1) == 1 else None
