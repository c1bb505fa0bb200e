"""Lowers normalizations over the last axis to sums, products and a root, which every integer runtime has."""

from dataclasses import replace
from math import prod, sqrt

import numpy as np

from ..operators import Add, BatchMatMul, Mean, Mul, Operator, Reshape, Rsqrt, Sub
from .builder import Builder, Constant, Refused, Value
from .linear import scaled_by_channel
from .reader import OnnxNode
from .value import from_front


def layer_normalization(build: Builder, node: OnnxNode) -> Value:
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta over the last axis (Ba et al., 2016)."""
    if len(node.outputs) > 1:
        raise Refused("O-ATTRIBUTE", "gives mean and root too; the normalised value alone is carried")
    normal = normalize(build, node)
    width = normal.shape[-1]
    gamma = build.constant(node.input(1)).real().astype(np.float64).ravel() * normal.gain
    beta = build.constant(node.input(2)).real().astype(np.float64).ravel() if node.input(2) else np.zeros(width)
    return scaled_by_channel(build, replace(normal, gain=1.0), gamma, beta, node.outputs[0])


def normalize(build: Builder, node: OnnxNode) -> Value:
    """(x - mean) / sqrt(variance + epsilon) over the last axis.

    The squares of a row are summed as the product of the row with itself: one sum of 32 bits, rounded once. It stands
    for the variance times the row's length n, so epsilon is added n times, and the root of n waits as a factor.
    """
    x = build.lying(build.value(node.input(0)), "last")
    rank, axis = len(x.shape), from_front(node.attributes.get("axis", -1), len(x.shape))
    shape = build.tensor(x).shape
    if axis != rank - 1 or axis == 0 or shape[-1] != x.shape[-1]:
        raise Refused("O-ATTRIBUTE", f"normalises from axis {axis} on of {x.shape}; the last axis alone is carried")
    width, rows = shape[-1], prod(shape[:-1])

    def step(operator: Operator, *inputs: str) -> str:
        return build.emit(operator, inputs, node.outputs[0])

    mean = step(Mean((len(shape) - 1,), keep_dims=True), x.tensor)
    centred = step(Sub(), x.tensor, mean)
    row = step(Reshape((1, rows, 1, width)), centred)
    squares = step(BatchMatMul(transposed=True), row, row)
    epsilon = np.float32(node.attributes.get("epsilon", 1e-5)) * np.float32(width)
    least = build.keep(Constant(np.full((1, 1, 1, 1), epsilon)), "")
    root = step(Rsqrt(), step(Add(), squares, least))
    root = step(Reshape((*shape[:-1], 1)), root) if (*shape[:-1], 1) != (1, rows, 1, 1) else root
    return replace(build.rows(Mul(), [centred, root], x.shape, node.outputs[0]), gain=sqrt(width))
