"""How the operators that work value by value are said in ONNX: sums, products, bounds, activation functions."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .graph import Node
from .onnx_writer import OnnxWriter
from .operators import Add, HardSwish, LeakyRelu, Maximum, Minimum, Mul, Operator, PRelu, Sigmoid, Tanh

Say = Callable[[OnnxWriter, Node, Any], str]
CHANNELS_FIRST = (0, 3, 1, 2)


def _said(operator: str) -> Say:
    """An operator of ONNX without attributes."""
    return lambda out, node, _: out.node(node.outputs[0], operator, [_operand(out, node, name) for name in node.inputs])


def _leaky_relu(out: OnnxWriter, node: Node, leaky: LeakyRelu) -> str:
    alpha = float(np.float32(leaky.alpha))
    return out.node(node.outputs[0], "LeakyRelu", [out.read(node.inputs[0])], alpha=alpha)


def _operand(out: OnnxWriter, node: Node, name: str) -> str:
    """An activation as float; a constant that broadcasts to the output, channels first."""
    tensor = out.tensor(name)
    if not tensor.constant:
        return out.read(name)
    rank = len(out.tensor(node.outputs[0]).shape)
    shape = (1,) * (rank - len(tensor.shape)) + tensor.shape
    return out.constant(name, CHANNELS_FIRST if rank == 4 else tuple(range(rank)), shape=shape)


FUNCTIONS: Mapping[type[Operator], Say] = {
    Add: _said("Add"),
    HardSwish: _said("HardSwish"),
    LeakyRelu: _leaky_relu,
    Maximum: _said("Max"),
    Minimum: _said("Min"),
    Mul: _said("Mul"),
    PRelu: _said("PRelu"),
    Sigmoid: _said("Sigmoid"),
    Tanh: _said("Tanh"),
}
