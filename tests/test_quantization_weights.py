"""Weights, biases and steps: what a bias alone gives is the same wherever it is rounded, and no kernel is overtaxed."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgestill.pipeline.graph.graph import Graph, Node
from edgestill.pipeline.graph.operators import Mul, Softmax, Sub
from edgestill.pipeline.graph.operators.requantization import channel_multiplier, requantized
from edgestill.pipeline.graph.tensor import Tensor, per_tensor
from edgestill.pipeline.quantization.calibrate import calibrate
from edgestill.pipeline.quantization.options import QuantizationOptions
from edgestill.pipeline.quantization.scales import activation_scales
from edgestill.pipeline.quantization.weights import FINE, Weights, quantize_weights
from edgestill.tests.single_operator import EXAMPLES

CHANNELS = 32


def twice(found: Weights, x: Tensor, y: Tensor) -> NDArray[np.int8]:
    """What TFLite's two roundings make of the biases."""
    weights = Tensor("w", found.integers.shape, "int8", found.scale)
    sums = np.zeros((1, CHANNELS))
    result: NDArray[np.int8] = requantized(sums, found.bias, channel_multiplier([x, weights], y), "none", y)[0]
    return result


def once(found: Weights, y: Tensor) -> NDArray[np.int8]:
    """What ONNX Runtime's float32 and one rounding make of them."""
    assert y.quantization is not None
    steps = np.round(found.bias.astype(np.float32) * found.bias_scale.scale / y.quantization.scale)
    result: NDArray[np.int8] = np.clip(steps + y.quantization.zero_point, -128, 127).astype(np.int8)
    return result


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(2**-9, 0.1), st.floats(2**-7, 0.5))
def test_a_channel_that_sees_only_zeros_is_the_same_in_every_runtime(seed: int, given: float, wanted: float) -> None:
    """Biases that lie on ties, or within a hundredth of a step of one."""
    random = np.random.default_rng(seed)
    weights = random.standard_normal((CHANNELS, 3, 3, 1)) * np.exp(random.uniform(-3, 0, (CHANNELS, 1, 1, 1)))
    x, y = (Tensor(n, (1, CHANNELS), "int8", per_tensor(s, -128)) for n, s in (("x", given), ("y", wanted)))
    assert x.quantization is not None and y.quantization is not None
    near = (
        random.integers(0, 250, CHANNELS) + 0.5 + random.choice([0, 0.01], CHANNELS) * random.uniform(-1, 1, CHANNELS)
    )
    found = quantize_weights(weights.astype(np.float32), 0, near * wanted, x.quantization, y.quantization)
    steps = found.bias_scale.scale.astype(np.float64) / y.quantization.per_tensor_scale
    fine = steps < FINE
    np.testing.assert_array_equal(twice(found, x, y)[fine], once(found, y)[fine])
    moved = np.abs(found.bias_scale.dequantize(found.bias) / wanted - near)
    assert (moved <= np.where(fine, 2.5 * steps + 2e-4, 0.5 * steps + 1e-4)).all()


def test_steps_are_never_finer_than_kernels_carry() -> None:
    """A softmax of next to nothing, and a sum that cancels: TFLite Micro would end the process."""
    shape = (1, 4)
    tensors = [Tensor(name, shape) for name in ("x", "a", "b", "y")]
    tensors += [Tensor("tiny", (1, 1), data=np.full((1, 1), 4e-7, np.float32))]
    nodes = (Node(Mul(), ("x", "tiny"), ("a",)), Node(Sub(), ("x", "x"), ("b",)), Node(Softmax(), ("a",), ("y",)))
    graph = Graph({tensor.name: tensor for tensor in tensors}, nodes, ("x",), ("y", "b"))
    given = np.random.default_rng(0).standard_normal((8, 4)).astype(np.float32)
    calibration = calibrate(graph, [given])
    seen = {**calibration.tensors, "b": calibration.tensors["a"]}
    scales = activation_scales(graph, replace(calibration, tensors=seen), QuantizationOptions())
    steps = {name: scale.per_tensor_scale for name, scale in scales.items()}
    assert steps["a"] >= 2**-25 and steps["b"] >= steps["x"] * 2**-18
