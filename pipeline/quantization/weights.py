"""Weights as int8, one scale a channel, and biases as int32 of the scale that a layer's sums have."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph.graph import Node
from ..graph.operators import DepthwiseConv2d
from ..graph.tensor import Quantization

BIAS_LIMIT = 2.0**30  # TFLite Micro's accumulators stay away from their ends
FINE = 1 / 64  # of a step of the output: a bias whose steps are finer may be moved by some
ROUNDED = 1e-4  # of a step: what float32 makes of an output at most


@dataclass(frozen=True, eq=False)
class Weights:
    """A layer's constants in integers, and the scales behind them."""

    integers: NDArray[np.int8]
    scale: Quantization
    bias: NDArray[np.int32]
    bias_scale: Quantization

    @property
    def real(self) -> NDArray[np.float32]:
        """The weights that the integers stand for."""
        return self.scale.dequantize(self.integers)


def channel_axis(node: Node) -> int:
    """The axis of a layer's weights that runs over its output channels."""
    return 3 if isinstance(node.operator, DepthwiseConv2d) else 0


def quantize_weights(
    weights: NDArray[np.float32], axis: int, bias: NDArray[np.float64], x: Quantization, y: Quantization
) -> Weights:
    """Symmetric int8 weights, and the bias in steps of `s_x * s_w`; x and y are the scales of the layer's input and
    output.

    A channel whose bias would leave the accumulator gets a coarser scale; a channel of zeros takes the layer's largest.
    """
    scale = _scales(weights, axis, bias, x.per_tensor_scale)
    along = (None, None) if scale.size == 1 else (axis, 0)  # one scale is a scale for the whole tensor
    steps = Quantization(scale, 0, along[0])
    integers = np.maximum(steps.quantize(weights), -127)
    bias_scale = Quantization((x.per_tensor_scale * scale.astype(np.float64)).astype(np.float32), 0, along[1])
    rounded = _off_ties(bias_scale.quantize(bias, "int32"), bias_scale.scale.astype(np.float64) / y.per_tensor_scale)
    return Weights(integers, steps, rounded, bias_scale)


def _scales(
    weights: NDArray[np.float32], axis: int, bias: NDArray[np.float64], input_scale: float
) -> NDArray[np.float32]:
    others = tuple(other for other in range(weights.ndim) if other != axis)
    greatest = np.abs(weights).max(axis=others).astype(np.float64)
    greatest[greatest == 0] = greatest.max() or 1.0
    least = np.abs(bias) / (BIAS_LIMIT * 0.999 * input_scale)
    scales: NDArray[np.float32] = np.maximum(greatest / 127, least).astype(np.float32)
    return scales


def _off_ties(bias: NDArray[np.int32], steps: NDArray[Any]) -> NDArray[np.int32]:
    """Biases, moved by a few of their `steps` (in those of the output) where they alone lie between two outputs.

    TFLite rounds twice and ONNX once: within a step of a tie they part, and so they would wherever a channel sees
    nothing but zeros.
    """
    off = bias * steps - np.floor(bias * steps) - 0.5
    lacking = np.where(steps < FINE, np.maximum(steps + ROUNDED - np.abs(off), 0), 0)
    moved: NDArray[np.int32] = bias + (np.ceil(lacking / steps) * np.where(off < 0, -1, 1)).astype(np.int32)
    return moved
