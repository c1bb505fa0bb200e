"""Lowers activation functions: one operator each, or a few where TFLite has none."""

import numpy as np

from ..operators import (
    Gelu,
    HardSwish,
    LeakyRelu,
    Maximum,
    Minimum,
    Mul,
    Operator,
    PRelu,
    Relu,
    Relu6,
    Rsqrt,
    Sigmoid,
    Tanh,
)
from .builder import Builder, Refused, Value
from .linear import affine
from .operands import number, operand
from .reader import OnnxNode


def relu(build: Builder, node: OnnxNode) -> Value:
    return _applied(build, node, Relu())


def sigmoid(build: Builder, node: OnnxNode) -> Value:
    return _applied(build, node, Sigmoid())


def tanh(build: Builder, node: OnnxNode) -> Value:
    return _applied(build, node, Tanh())


def hard_swish(build: Builder, node: OnnxNode) -> Value:
    return _applied(build, node, HardSwish())


def gelu(build: Builder, node: OnnxNode) -> Value:
    """Gelu, exact or by its hyperbolic tangent."""
    return _applied(build, node, Gelu(node.attributes.get("approximate", "none") == "tanh"))


def rsqrt(build: Builder, node: OnnxNode) -> Value:
    """1 / sqrt(x), as files say it by several nodes."""
    return _applied(build, node, Rsqrt())


def leaky_relu(build: Builder, node: OnnxNode) -> Value:
    """LeakyRelu with a slope of at least 0."""
    alpha = float(np.float32(node.attributes.get("alpha", 0.01)))
    if alpha < 0:
        raise Refused("O-ATTRIBUTE", f"has a negative slope, {alpha:g}; use PRelu, which carries it")
    return _applied(build, node, LeakyRelu(alpha))


def prelu(build: Builder, node: OnnxNode) -> Value:
    """PRelu with a constant slope that broadcasts to the input."""
    x, channels = build.aligned(build.value(node.input(0)))
    slope = operand(build, node.input(1), x, channels)
    return build.elementwise(PRelu(), [x, slope], node.outputs[0])


def hard_sigmoid(build: Builder, node: OnnxNode) -> Value:
    """max(0, min(1, alpha * x + beta)), as relu6(6 * alpha * x + 6 * beta) / 6: TFLite has no such operator.

    The first part goes into the layer before it. The last only changes the scale: its integers stay what they are.
    """
    alpha, beta = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    moved = affine(build, node, np.array([np.float32(6 * alpha)], np.float64), np.array([6 * beta]))
    clamped = build.elementwise(Relu6(), [moved], node.outputs[0])
    return build.elementwise(Mul(), [clamped, number(build, 1 / 6, clamped)], node.outputs[0])


def clip(build: Builder, node: OnnxNode) -> Value:
    """Clip, as Relu6 or Relu where its bounds are theirs; any others as a minimum and a maximum."""
    x = build.value(node.input(0))
    low, high = (_bound(build, node.input(index)) for index in (1, 2))
    if low is not None and high is not None and low > high:
        raise Refused("O-ATTRIBUTE", f"clips to [{low}, {high}], which is empty")
    if (low, high) == (0, 6):
        return build.elementwise(Relu6(), [x], node.outputs[0])
    if low == 0:
        x = build.elementwise(Relu(), [x], node.outputs[0])
    elif low is not None:
        x = _bounded(build, Maximum(), x, low, node)
    return x if high is None else _bounded(build, Minimum(), x, high, node)


def _applied(build: Builder, node: OnnxNode, operator: Operator) -> Value:
    return build.elementwise(operator, [build.value(node.input(0))], node.outputs[0])


def _bounded(build: Builder, operator: Operator, x: Value, bound: float, node: OnnxNode) -> Value:
    return build.elementwise(operator, [x, number(build, bound, x)], node.outputs[0])


def _bound(build: Builder, name: str) -> float | None:
    """A finite bound; None where there is none."""
    bound = float(build.constant(name).real().ravel()[0]) if name else None
    return None if bound is None or abs(bound) >= np.finfo(np.float32).max else bound
