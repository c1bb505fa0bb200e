"""How the operators that work value by value are said in ONNX: sums, products, bounds, activation functions."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .graph import Node
from .lowering.layout import Channels
from .onnx_writer import OnnxWriter
from .operators import (
    Add,
    HardSwish,
    LeakyRelu,
    Maximum,
    Minimum,
    Mul,
    Operator,
    PRelu,
    Rsqrt,
    Sigmoid,
    Sub,
    Tanh,
)

Say = Callable[[OnnxWriter, Node, Any], str]
CHANNELS_FIRST = (0, 3, 1, 2)


def _said(operator: str) -> Say:
    """An operator of ONNX without attributes."""
    return lambda out, node, _: out.node(node.outputs[0], operator, operands(out, node))


def _leaky_relu(out: OnnxWriter, node: Node, leaky: LeakyRelu) -> str:
    return out.node(node.outputs[0], "LeakyRelu", operands(out, node), alpha=float(np.float32(leaky.alpha)))


def _rsqrt(out: OnnxWriter, node: Node, root: Rsqrt) -> str:
    return out.node(node.outputs[0], "Reciprocal", [out.node(node.outputs[0], "Sqrt", operands(out, node))])


def operands(out: OnnxWriter, node: Node) -> list[str]:
    """What a node reads as float; its output lies as the first activation among its inputs does."""
    channels = out.lies(next(name for name in node.inputs if not out.tensor(name).constant))
    out.lay(node.outputs[0], channels)
    return [_operand(out, node, name, channels) for name in node.inputs]


def _operand(out: OnnxWriter, node: Node, name: str, channels: Channels) -> str:
    """An activation as float; a constant that broadcasts to the output."""
    tensor = out.tensor(name)
    if not tensor.constant:
        return out.read(name, channels)
    rank = len(out.tensor(node.outputs[0]).shape)
    shape = (1,) * (rank - len(tensor.shape)) + tensor.shape
    turned = rank == 4 and channels == "first"
    return out.constant(name, CHANNELS_FIRST if turned else tuple(range(rank)), shape=shape)


FUNCTIONS: Mapping[type[Operator], Say] = {
    Add: _said("Add"),
    HardSwish: _said("HardSwish"),
    LeakyRelu: _leaky_relu,
    Maximum: _said("Max"),
    Minimum: _said("Min"),
    Mul: _said("Mul"),
    PRelu: _said("PRelu"),
    Rsqrt: _rsqrt,
    Sigmoid: _said("Sigmoid"),
    Sub: _said("Sub"),
    Tanh: _said("Tanh"),
}
