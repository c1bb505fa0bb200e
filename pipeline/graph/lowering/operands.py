"""A constant that meets a value element by element, laid out as the value is."""

from dataclasses import replace

import numpy as np

from ..operators.operator import Shape
from .builder import Builder, Constant, Refused, Value
from .layout import Channels, graph_shape, standard_order


def operand(
    build: Builder, name: str, x: Value, channels: Channels, constant: Constant | None = None, compared: bool = False
) -> Value:
    """A constant that broadcasts to x, in a tensor of x's rank, quantized where x is; `constant` in the place of it.

    What is only `compared` with x may be float: it gets the scale of the result.
    """
    constant = constant or build.constant(name)
    rank = len(x.shape)
    shape = (1,) * (rank - constant.data.ndim) + constant.data.shape
    if not spreads(shape, x.shape):
        raise Refused("O-SHAPE", f"meets a constant {constant.data.shape}, which does not broadcast to {x.shape}")
    if constant.quantization is None and build.tensor(x).quantization is not None and not compared:
        raise Refused("O-QUANTIZATION", f"has a float constant {name!r} on a quantized input; quantize it too")
    if constant.quantization is not None and constant.quantization.axis is not None:
        raise Refused("O-QUANTIZATION", f"has one scale a channel for {name!r}; one a tensor is carried")
    data = constant.data.ravel()[standard_order(shape, channels)].reshape(graph_shape(shape, channels))
    return replace(x, tensor=build.keep(Constant(data, constant.quantization), name))


def spreads(shape: Shape, over: Shape) -> bool:
    """Whether a value of this shape broadcasts over another of the same rank."""
    return len(shape) == len(over) and all(mine in (1, its) for mine, its in zip(shape, over, strict=True))


def number(build: Builder, value: float, x: Value) -> Value:
    """One number for all elements of x, in a tensor of x's rank."""
    shape = (1,) * len(build.tensor(x).shape)
    return replace(x, tensor=build.keep(Constant(np.full(shape, value, np.float32)), ""))
