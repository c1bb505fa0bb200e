"""Lowers QuantizeLinear and DequantizeLinear: they say how a tensor's integers stand for reals, and vanish."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..operators import Quantize
from ..tensor import Quantization
from .builder import Builder, Constant, Refused, Value
from .reader import OnnxNode
from .value import from_front


def quantize_linear(build: Builder, node: OnnxNode) -> Value | Constant:
    """The first on a tensor gives it its scale; one on a tensor that has another scale is a Quantize of its own."""
    scale, dtype = _scale(build, node)
    if node.input(0) in build.constants:
        real = build.constant(node.input(0)).real()
        return _signed(scale.quantize(real, dtype), scale)
    scale = _activation(scale, dtype)
    x = build.value(node.input(0))
    x = build.aligned(x)[0] if len(x.shape) > 2 else build.laid_out(x)  # a file rounds what it has turned
    tensor = build.tensor(x)
    if tensor.quantization is None and not build.only_use(x):
        name = node.input(0)
        raise Refused("O-QUANTIZATION", f"quantizes {name!r}, which others read as float; quantize it for all")
    if tensor.quantization in (None, scale):
        if x.tensor not in build.rounded:
            build.change(replace(tensor, dtype="int8", quantization=scale, origin=node.outputs[0]))
            build.rounded.add(x.tensor)
        return x
    requantized = build.elementwise(Quantize(), [x], node.outputs[0])
    build.change(replace(build.tensor(requantized), dtype="int8", quantization=scale))
    return requantized


def dequantize_linear(build: Builder, node: OnnxNode) -> Value | Constant:
    """Of a constant: the constant with its scale. Of a value: the value, whose scale must be this one."""
    scale, dtype = _scale(build, node)
    if node.input(0) in build.constants:
        constant = build.constant(node.input(0))
        return constant if constant.quantization is not None else _signed(constant.data, scale)
    x, scale = build.value(node.input(0)), _activation(scale, dtype)
    tensor = build.tensor(x)
    if tensor.quantization is None and tensor.dtype != "float32":  # the model's own input, in integers
        build.change(replace(tensor, dtype="int8", quantization=scale))
    elif tensor.quantization != scale:
        raise Refused("O-QUANTIZATION", "reads integers by another scale than they were written with")
    return x


def _scale(build: Builder, node: OnnxNode) -> tuple[Quantization, Any]:
    """The node's scale with the zero point as it stands in the file, and the integer type."""
    scale = build.constant(node.input(1)).data.astype(np.float32)
    zero = build.constant(node.input(2)).data if node.input(2) else None
    if zero is None:
        zero = np.zeros((), build.constants[node.input(0)].data.dtype if node.input(0) in build.constants else np.uint8)
    if zero.size > 1 and len(np.unique(zero)) > 1:
        raise Refused("O-QUANTIZATION", "has a zero point a channel; one for all channels is carried")
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise Refused("O-QUANTIZATION", "has a scale that is not positive and finite; quantize the model again")
    if scale.ndim > 1 or node.attributes.get("block_size", 0):
        raise Refused("O-QUANTIZATION", "has scales by block; one a tensor or one a channel is carried")
    axis = node.attributes.get("axis", 1) if scale.ndim == 1 and scale.size > 1 else None
    if axis is not None and node.input(0) in build.constants:
        axis = from_front(axis, build.constants[node.input(0)].data.ndim)
    return Quantization(scale.ravel(), int(zero.ravel()[0]), axis), str(zero.dtype)


def _activation(scale: Quantization, dtype: str) -> Quantization:
    """An activation's scale as int8: uint8 moves down by 128."""
    if dtype not in ("uint8", "int8"):
        raise Refused("O-QUANTIZATION", f"has {dtype} activations; int8 and uint8 are carried")
    if scale.axis is not None:
        raise Refused("O-QUANTIZATION", "has one scale a channel for an activation; one a tensor is carried")
    return replace(scale, zero_point=scale.zero_point - 128) if dtype == "uint8" else scale


def _signed(integers: NDArray[Any], scale: Quantization) -> Constant:
    """Constant integers as int8 or int32."""
    if integers.dtype == np.uint8:
        integers, scale = (
            (integers.astype(np.int16) - 128).astype(np.int8),
            replace(scale, zero_point=scale.zero_point - 128),
        )
    if integers.dtype not in (np.int8, np.int32):
        raise Refused("O-QUANTIZATION", f"has {integers.dtype} constants; int8 and int32 are carried")
    return Constant(integers, scale)
