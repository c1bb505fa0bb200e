"""The multiplier of a weighted layer to its last bit, on sums that tell it from its nearest neighbour.

Random layers do not see the last bits of a multiplier: few sums lie so near a tie. Here the sums are chosen: they are
those on which the product of the scales taken in float32 and the one taken in float64 give different outputs.
"""

from collections.abc import Callable

import numpy as np
import pytest

from edgestill.pipeline.graph.fixed_point import Multiplier, multiply, quantize_multiplier
from edgestill.pipeline.graph.graph import Graph
from edgestill.pipeline.graph.operators import Conv2d, DepthwiseConv2d, FullyConnected, Operator
from edgestill.pipeline.graph.tensor import Quantization, Tensor, per_tensor
from edgestill.tests.single_operator import check_in_tflite_micro, graph_of, int8

LAYERS: dict[str, tuple[Operator, Callable[[int], tuple[tuple[int, ...], tuple[int, ...]]]]] = {
    "dense": (FullyConnected(), lambda n: ((4,), (n, 4))),
    "convolution": (Conv2d(), lambda n: ((1, 1, 4), (n, 1, 1, 4))),
    "depthwise": (DepthwiseConv2d(), lambda n: ((1, 1, n), (1, 1, 1, n))),
}


def two_multipliers(x: np.float32, weights: np.float32, y: np.float32) -> tuple[Multiplier, Multiplier]:
    in_float32 = float(np.float32(x * weights)) / float(y)
    return quantize_multiplier(in_float32), quantize_multiplier(float(x) * float(weights) / float(y))


@pytest.mark.parametrize("layer", LAYERS)
def test_scales_are_multiplied_in_float64(layer: str) -> None:
    operator, shapes = LAYERS[layer]
    rng = np.random.default_rng(0)
    told_apart = 0
    while told_apart < 3:
        x, weights, y = (np.float32(rng.uniform(*limits)) for limits in ((0.01, 0.4), (0.001, 0.01), (0.05, 0.5)))
        one, other = two_multipliers(x, weights, y)
        sums = rng.integers(-(2**19), 2**19, 2**21)
        first, second = multiply(sums, one), multiply(sums, other)
        telling = sums[(first != second) & (np.abs(first) < 120)][:8]
        if telling.size:
            check_in_tflite_micro(of_these_sums(operator, shapes(telling.size), telling, x, weights, y), seed=0)
            told_apart += telling.size


def of_these_sums(
    operator: Operator,
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
    sums: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    x: np.float32,
    weights: np.float32,
    y: np.float32,
) -> Graph:
    """A layer whose weights are zero and whose biases are the sums."""
    axis = 3 if isinstance(operator, DepthwiseConv2d) else 0
    scales = np.full(sums.size, weights, np.float32) if axis == 3 else np.array([weights], np.float32)
    tensors = [
        int8("x", shapes[0], per_tensor(float(x), 3)),
        Tensor("w", shapes[1], "int8", Quantization(scales, 0, axis), np.zeros(shapes[1], np.int8)),
        Tensor("b", (sums.size,), "int32", Quantization(scales * x, 0, 0), sums.astype(np.int32)),
    ]
    return graph_of(operator, tensors, per_tensor(float(y), 0))
