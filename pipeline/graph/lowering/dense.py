"""Lowers Gemm and MatMul with constant weights to a dense layer."""

from dataclasses import replace

import numpy as np

from ..operators import FullyConnected
from .builder import Builder, Constant, Refused, Value
from .linear import linear
from .reader import OnnxNode


def gemm(build: Builder, node: OnnxNode) -> Value:
    """Gemm: alpha * x @ w + beta * bias, x (n,in), w (in,out) or, with transB, (out,in)."""
    if node.attributes.get("transA", 0):
        raise Refused("O-ATTRIBUTE", "transA is not carried; transpose the input instead")
    weights = build.constant(node.input(1))
    weights = weights if node.attributes.get("transB", 0) else weights.transposed((1, 0))
    bias = build.constant(node.input(2)) if node.input(2) else Constant(np.zeros(len(weights.data), np.float32))
    weights = _scaled(weights, node.attributes.get("alpha", 1.0))
    return _dense(build, node, weights, _scaled(bias, node.attributes.get("beta", 1.0)))


def matmul(build: Builder, node: OnnxNode) -> Value:
    """MatMul: x (n,in) @ w (in,out)."""
    weights = build.constant(node.input(1))
    if weights.data.ndim != 2:
        raise Refused("O-RANK", f"its weights have {weights.data.ndim} axes; 2 are carried")
    return _dense(build, node, weights.transposed((1, 0)), Constant(np.zeros(weights.data.shape[1], np.float32)))


def _dense(build: Builder, node: OnnxNode, weights: Constant, bias: Constant) -> Value:
    """The columns of the weights follow the order in which the input's elements lie: channels last."""
    x = build.value(node.input(0))
    if len(x.shape) != 2:
        raise Refused(
            "O-RANK", f"its input has {len(x.shape)} axes {x.shape}; a dense layer on (n,features) is carried"
        )
    outputs, width = weights.data.shape
    if width != x.shape[1]:
        raise Refused("O-SHAPE", f"has weights for {width} values on an input of {x.shape[1]}")
    x = build.laid_out(x)
    weights = replace(weights, data=np.ascontiguousarray(weights.data[:, x.order]))
    bias = replace(bias, data=np.broadcast_to(bias.data.ravel(), (outputs,)))
    return linear(build, FullyConnected(), x, weights, bias, (1, outputs), node)


def _scaled(constant: Constant, factor: float) -> Constant:
    if factor == 1.0:
        return constant
    if constant.quantization is not None:
        raise Refused("O-QUANTIZATION", f"multiplies quantized constants by {factor}; fold it into their scale")
    return Constant(constant.data * np.float32(factor))
