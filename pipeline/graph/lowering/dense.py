"""Lowers Gemm and MatMul: with constant weights a dense layer, else a product of two values."""

from dataclasses import replace
from math import prod

import numpy as np

from ..operators import BatchMatMul, FullyConnected
from ..operators.operator import Shape
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
    """MatMul: x (...,in) @ w (in,out), or of two values."""
    if node.input(0) in build.values and node.input(1) in build.values:
        return _product(build, node)
    weights = build.constant(node.input(1))
    if weights.data.ndim != 2:
        raise Refused("O-RANK", f"its weights have {weights.data.ndim} axes; 2 are carried")
    return _dense(build, node, weights.transposed((1, 0)), Constant(np.zeros(weights.data.shape[1], np.float32)))


def _dense(build: Builder, node: OnnxNode, weights: Constant, bias: Constant) -> Value:
    """The columns of the weights follow the order in which the input's elements lie: channels last."""
    x, gain = build.scaled(node.input(0))
    weights = _scaled(weights, gain)
    outputs, width = weights.data.shape
    if len(x.shape) < 2 or width != x.shape[-1]:
        raise Refused("O-SHAPE", f"has weights for {width} values on an input of {x.shape}")
    bias = replace(bias, data=np.broadcast_to(bias.data.ravel(), (outputs,)))
    if len(x.shape) > 2 or x.shape[0] != 1:
        rows = build.lying(x, "last")
        return linear(build, FullyConnected(keep_dims=True), rows, weights, bias, (*x.shape[:-1], outputs), node)
    x = build.laid_out(x)
    weights = replace(weights, data=np.ascontiguousarray(weights.data[:, x.order]))
    return linear(build, FullyConnected(), x, weights, bias, (1, outputs), node)


def _product(build: Builder, node: OnnxNode) -> Value:
    """Matrices that both depend on the input; the right one is turned where it must be turned anyway."""
    (a, gain), (b, other) = (build.scaled(name) for name in node.inputs)
    if min(len(a.shape), len(b.shape)) < 2 or a.shape[-1] != b.shape[-2]:
        raise Refused("O-SHAPE", f"multiplies {a.shape} by {b.shape}; matrices that fit are carried")
    if len(a.shape) > 2 and a.shape[:-2] == b.shape[:-2]:
        product = _of_stacks(build, node, a, b)
    elif prod(b.shape[:-2]) == 1:
        product = _by_one(build, node, a, b)
    elif prod(a.shape[:-2]) == 1:  # (b^T a^T)^T
        product = _turned(build, _by_one(build, node, _turned(build, b), _turned(build, a)))
    else:
        raise Refused(
            "O-SHAPE",
            f"multiplies {a.shape} by {b.shape}; stacks of equal number, and one matrix by a stack, are carried: "
            "repeat the shorter one by Concat",
        )
    return replace(product, gain=gain * other)


def _by_one(build: Builder, node: OnnxNode, a: Value, b: Value) -> Value:
    """A stack of matrices by one: its rows are those of one tall matrix."""
    tall = build.viewed(a, (1, prod(a.shape[:-1]), a.shape[-1]))
    product = _of_stacks(build, node, tall, build.viewed(b, (1, *b.shape[-2:])))
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return build.viewed(product, (*stack, a.shape[-2], b.shape[-1]))


def _turned(build: Builder, x: Value) -> Value:
    """Every matrix of a stack on its side; nothing is moved."""
    rank = len(x.shape)
    return build.permuted(x, (*range(rank - 2), rank - 1, rank - 2))


def _of_stacks(build: Builder, node: OnnxNode, a: Value, b: Value) -> Value:
    """As many matrices by as many."""
    stack = a.shape[1:-2] if a.shape[0] == 1 else a.shape[:-2]
    stack = (*(1,) * max(2 - len(stack), 1), *stack)
    a = build.plainly(a, (*stack, *a.shape[-2:]))
    shape = (*a.shape[:-1], b.shape[-1])
    turned = _turned(build, b)
    transposed = not _lies_as(build, b, (*stack, *b.shape[-2:])) and (
        _lies_as(build, turned, (*stack, *turned.shape[-2:])) or not _lies_as(build, b)
    )
    b = turned if transposed else b
    b = build.plainly(b, (*stack, *b.shape[-2:]))
    return build.rows(BatchMatMul(transposed), [a.tensor, b.tensor], shape, node.outputs[0])


def _lies_as(build: Builder, x: Value, shape: Shape | None = None) -> bool:
    """Whether the elements lie as ONNX has them, in a tensor of this shape or of any."""
    return np.array_equal(x.order, np.arange(len(x.order))) and shape in (None, build.tensor(x).shape)


def _scaled(constant: Constant, factor: float) -> Constant:
    if factor == 1.0:
        return constant
    if constant.quantization is not None:
        raise Refused("O-QUANTIZATION", f"multiplies quantized constants by {factor}; fold it into their scale")
    return Constant(constant.data * np.float32(factor))
