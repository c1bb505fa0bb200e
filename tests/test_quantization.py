"""From a float graph to integers: scales, weights, biases, what they cost, and what is refused."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgestill.pipeline.errors import BadArtifact, BadData, BadInput, Unsupported
from edgestill.pipeline.graph.execute import run_float, run_integer
from edgestill.pipeline.graph.graph import Graph, Node, renumbered
from edgestill.pipeline.graph.operators import (
    Add,
    Conv2d,
    DepthwiseConv2d,
    FullyConnected,
    MaxPool2d,
    Mean,
    Operator,
    Pad,
    Relu,
    Reshape,
    Softmax,
)
from edgestill.pipeline.graph.tensor import Quantization, Tensor
from edgestill.pipeline.preprocess import Fed, Preprocess
from edgestill.pipeline.quantization.calibrate import Calibration, calibrate
from edgestill.pipeline.quantization.error_report import error_report, sqnr
from edgestill.pipeline.quantization.quantize import QuantizationOptions, quantize
from edgestill.pipeline.quantization.scales import scale_of

MLPERF = Path(__file__).parent / "cases" / "mlperf-tiny"
Array = NDArray[Any]
Constants = dict[str, Array]


class Sketch:
    """A float graph that is written down line by line; `x` is its input."""

    def __init__(self, *shape: int) -> None:
        self.tensors = {"x": Tensor("x", (1, *shape))}
        self.nodes: list[Node] = []

    def add(self, output: str, operator: Operator, *inputs: str, weights: Array | None = None, bias: Any = None) -> str:
        constants = {} if weights is None else {f"{output}.w": weights, f"{output}.b": np.asarray(bias)}
        for name, data in constants.items():
            self.tensors[name] = Tensor(name, data.shape, data=data.astype(np.float32))
        names = (*inputs, *constants)
        self.tensors[output] = Tensor(output, operator.shape([self.tensors[name].shape for name in names]))
        self.nodes.append(Node(operator, names, (output,)))
        return output

    def graph(self) -> Graph:
        return renumbered(Graph(self.tensors, tuple(self.nodes), ("x",), self.nodes[-1].outputs))


def noise(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def small_net() -> Graph:
    """Every operator that has a rule of its own: a sum, a max pool, padding, a mean, a softmax."""
    net = Sketch(8, 8, 2)
    net.add("a", Conv2d(padding="SAME", activation="relu"), "x", weights=noise(6, 3, 3, 2) * 0.3, bias=noise(6))
    net.add("b", MaxPool2d((2, 2), (2, 2), "VALID"), "a")
    net.add("c", Pad(((0, 0), (1, 1), (1, 1), (0, 0))), "b")
    net.add("d", DepthwiseConv2d(activation="relu6"), "c", weights=noise(1, 3, 3, 6, seed=1) * 0.3, bias=noise(6))
    net.add("e", Add(), "b", "d")
    net.add("f", Mean((1, 2)), "e")
    net.add("g", FullyConnected(), "f", weights=noise(4, 6, seed=2), bias=noise(4, seed=3))
    net.add("h", Softmax(), "g")
    return net.graph()


SAMPLES = noise(48, 8, 8, 2, seed=9)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return small_net()


@pytest.fixture(scope="module")
def calibration(graph: Graph) -> Calibration:
    return calibrate(graph, np.split(SAMPLES, 3))


def scale_in(graph: Graph, name: str) -> Quantization:
    scale = graph.tensors[name].quantization
    assert scale is not None
    return scale


def run_on(graph: Graph, samples: Array) -> Array:
    """Reals in, reals out, integers between."""
    (found,) = run_integer(graph, [scale_in(graph, graph.inputs[0]).quantize(samples)])
    return scale_in(graph, graph.outputs[0]).dequantize(found)


def test_calibration_watches_every_activation_and_does_not_depend_on_the_batches(graph: Graph) -> None:
    whole, single = calibrate(graph, [SAMPLES]), calibrate(graph, np.split(SAMPLES, 48))
    assert list(whole.tensors) == [*graph.inputs, *(node.outputs[0] for node in graph.nodes)]
    assert whole.samples == single.samples == 48
    assert whole.tensors["t0"] == single.tensors["t0"]
    for name, statistics in whole.tensors.items():
        assert statistics.high == pytest.approx(single.tensors[name].high, rel=1e-5)


def test_a_calibration_is_saved_byte_for_byte_and_comes_back(calibration: Calibration, tmp_path: Path) -> None:
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"
    calibration.save(first)
    again = Calibration.load(first)
    assert again == calibration
    again.save(second)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"no archive at all"])
def test_a_damaged_calibration_is_named(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "calibration.npz"
    path.write_bytes(data)
    with pytest.raises(BadArtifact, match=r"calibration.npz: not a calibration, or a damaged one"):
        Calibration.load(path)


def test_calibration_wants_samples_and_finite_ones(graph: Graph) -> None:
    with pytest.raises(BadData, match="there are no samples"):
        calibrate(graph, [])
    with pytest.raises(BadData, match="tensor 't0' holds values that are not finite"):
        calibrate(graph, [np.full((1, 8, 8, 2), np.inf, np.float32)])


@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))
def test_a_scale_covers_its_range_and_holds_zero_exactly(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    scale = scale_of((low, high))
    step = scale.per_tensor_scale
    assert scale.dequantize(scale.quantize(np.zeros(1)))[0] == 0
    for real in (low, high, (low + high) / 2):
        assert abs(float(scale.dequantize(scale.quantize(np.array([real])))[0]) - real) <= step * 1.001


@pytest.mark.parametrize("ranges", ["mse", "min-max", "percentile"])
def test_the_integer_graph_is_integer_through_and_through_and_near_the_float_one(
    graph: Graph, calibration: Calibration, ranges: Any
) -> None:
    integer = quantize(graph, calibration, SAMPLES, QuantizationOptions(ranges))
    assert integer.is_integer()
    assert [node.operator for node in integer.nodes] == [node.operator for node in graph.nodes]
    assert {tensor.dtype for tensor in integer.tensors.values() if not tensor.constant} == {"int8"}
    assert integer == quantize(graph, calibration, SAMPLES, QuantizationOptions(ranges))
    assert sqnr(run_on(integer, SAMPLES), run_float(graph, [SAMPLES])[0]) > 25


def test_raw_samples_become_input_slice_by_slice_and_give_the_same_graph(graph: Graph) -> None:
    preprocess = Preprocess(SAMPLES.shape[1:], divisor=255.0, mean=(0.4,), std=(0.3,))
    raw = np.random.default_rng(3).integers(0, 256, (70, *SAMPLES.shape[1:]), np.uint8)
    fed, whole = Fed(raw, preprocess), preprocess.apply(raw)
    seen = calibrate(graph, (fed[start : start + 32] for start in range(0, len(fed), 32)))
    assert seen == calibrate(graph, [whole])
    assert quantize(graph, seen, fed) == quantize(graph, seen, whole)


def test_pools_and_pads_keep_the_scale_of_what_they_read_and_a_softmax_has_its_own(
    graph: Graph, calibration: Calibration
) -> None:
    integer = quantize(graph, calibration, SAMPLES)
    for node in integer.nodes:
        if node.kind in ("MaxPool2d", "Pad"):
            assert scale_in(integer, node.outputs[0]) == scale_in(integer, node.inputs[0])
    output = scale_in(integer, integer.outputs[0])
    assert (output.per_tensor_scale, output.zero_point) == (1 / 256, -128)


def test_weights_are_symmetric_a_channel_and_biases_count_in_steps_of_their_sums(
    graph: Graph, calibration: Calibration
) -> None:
    integer = quantize(graph, calibration, SAMPLES, QuantizationOptions(bias_correction=False))
    for before, node in zip(graph.nodes, integer.nodes, strict=True):
        if len(node.inputs) < 3:
            continue
        weights, bias = integer.of(node.inputs[1:])
        steps, sums = scale_in(integer, weights.name), scale_in(integer, bias.name)
        assert weights.data is not None and bias.data is not None
        axis = 3 if isinstance(node.operator, DepthwiseConv2d) else 0
        assert (steps.axis, steps.zero_point, sums.axis) == (axis, 0, 0)
        others = tuple(other for other in range(weights.data.ndim) if other != axis)
        assert (np.abs(weights.data).max(axis=others) == 127).all()
        x = scale_in(integer, node.inputs[0]).per_tensor_scale
        assert np.array_equal(sums.scale, (x * steps.scale.astype(np.float64)).astype(np.float32))
        real = graph.tensors[before.inputs[2]].data
        assert real is not None
        assert (np.abs(sums.dequantize(bias.data) - real) <= sums.scale * 0.51).all()


def test_pixels_of_eight_bits_are_the_integers_themselves() -> None:
    net = Sketch(4, 4, 1)
    net.add("a", Conv2d(), "x", weights=noise(2, 3, 3, 1), bias=noise(2))
    mean, deviation = 0.1307, 0.3081
    raw = np.random.default_rng(0).integers(0, 256, (20, 4, 4, 1))
    raw[0, 0, 0], raw[0, 0, 1] = 0, 255
    pixels = ((raw / 255 - mean) / deviation).astype(np.float32)
    given = net.graph()
    for options in (
        QuantizationOptions(),
        QuantizationOptions(input_range=(-mean / deviation, (1 - mean) / deviation)),
    ):
        integer = quantize(given, calibrate(given, [pixels]), pixels, options)
        assert np.array_equal(scale_in(integer, integer.inputs[0]).quantize(pixels), raw - 128)


def test_a_range_ends_where_values_must_end() -> None:
    net = Sketch(4, 4, 2)
    net.add("a", Conv2d(activation="relu6"), "x", weights=noise(3, 1, 1, 2) * 3, bias=noise(3))
    net.add("b", MaxPool2d((2, 2), (2, 2), "VALID"), "a")
    net.add("c", Conv2d(), "b", weights=noise(2, 1, 1, 3), bias=noise(2))
    given, samples = net.graph(), noise(6, 4, 4, 2)
    integer = quantize(given, calibrate(given, [samples]), samples)
    scale = scale_in(integer, integer.nodes[1].outputs[0])
    assert 127 - scale.zero_point <= 6 / scale.per_tensor_scale + 1


def test_bias_correction_brings_the_mean_of_every_channel_back(graph: Graph, calibration: Calibration) -> None:
    def off(correction: bool) -> float:
        integer = quantize(graph, calibration, SAMPLES, QuantizationOptions("min-max", correction))
        dense = next(node.outputs[0] for node in integer.nodes if node.kind == "FullyConnected")
        found: Constants = {}
        run_integer(integer, [scale_in(integer, "t0").quantize(SAMPLES)], found.__setitem__)
        exact: Constants = {}
        run_float(graph, [SAMPLES], exact.__setitem__)
        reals = scale_in(integer, dense).dequantize(found[dense])
        return float(np.abs((reals - exact[dense]).mean(axis=0)).max())

    assert off(True) < off(False)


def dense_of(weights: Array, bias: Array) -> Graph:
    net = Sketch(3)
    net.add("a", FullyConnected(), "x", weights=weights, bias=bias)
    return net.graph()


@pytest.mark.parametrize("spread", [1.0, 1e-7, 0.0])
def test_dead_channels_and_constant_tensors_keep_their_bias(spread: float) -> None:
    weights = np.array([[0, 0, 0], [1e-12, 0, 0], [1, -1, 0.5]])
    given = dense_of(weights, np.array([5.0, -3.0, 2.0]))
    samples = noise(16, 3) * np.float32(spread)
    integer = quantize(given, calibrate(given, [samples]), samples)
    bias = integer.tensors[integer.nodes[0].inputs[2]].data
    assert bias is not None and np.abs(bias.astype(np.int64)).max() < 2**30
    step = scale_in(integer, integer.outputs[0]).per_tensor_scale
    np.testing.assert_allclose(
        run_on(integer, samples), run_float(given, [samples])[0], atol=1.5 * step + 0.02 * spread
    )


def test_one_channel_has_one_scale_for_the_whole_tensor() -> None:
    given = dense_of(np.array([[1.0, 2.0, 3.0]]), np.array([0.5]))
    integer = quantize(given, calibrate(given, [noise(8, 3)]), noise(8, 3))
    assert [scale_in(integer, name).axis for name in integer.nodes[0].inputs[1:]] == [None, None]


def test_the_error_report_tells_every_layer_and_ends_with_the_output(graph: Graph, calibration: Calibration) -> None:
    integer = quantize(graph, calibration, SAMPLES)
    rows = error_report(graph, integer, SAMPLES)
    assert [row.kind for row in rows] == ["Input", *(node.kind for node in graph.nodes)]
    assert [row.name for row in rows] == list(calibration.tensors)
    wanted = sqnr(run_on(integer, SAMPLES), run_float(graph, [SAMPLES])[0])
    assert rows[-1].sqnr_db == pytest.approx(wanted, abs=1e-6)
    with pytest.raises(BadInput, match="same layers"):
        error_report(graph, replace(integer, nodes=integer.nodes[:-1]), SAMPLES)


def with_constant_operand() -> Graph:
    net = Sketch(3)
    net.tensors["c"] = Tensor("c", (1, 3), data=noise(1, 3))
    net.add("a", Relu(), "c")
    return net.graph()


def quantized_already() -> Graph:
    given = dense_of(noise(3, 3), noise(3))
    return quantize(given, calibrate(given, [noise(4, 3)]), noise(4, 3))


@pytest.mark.parametrize(
    ("make", "words"),
    [(with_constant_operand, "O-CONSTANT .* Relu reads a constant"), (quantized_already, "O-QUANTIZATION .* already")],
)
def test_graphs_that_cannot_be_quantized_are_refused(make: Callable[[], Graph], words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        quantize(make(), Calibration({}, 1), noise(4, 3))


def test_a_calibration_of_another_graph_is_refused(calibration: Calibration) -> None:
    net = Sketch(3)
    net.add("a", Relu(), "x")
    net.add("b", Reshape((1, 3, 1, 1)), "a")
    with pytest.raises(BadInput, match="made for another graph"):
        quantize(net.graph(), Calibration({}, 1), noise(4, 3))


@pytest.mark.parametrize("shape", [(0, 3), (4, 2), (3,)])
def test_samples_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    given = dense_of(noise(2, 3), noise(2))
    with pytest.raises(BadData, match=r"samples have shape .* the model takes \(n, 3"):
        quantize(given, calibrate(given, [noise(4, 3)]), noise(*shape))


QUANTIZE = """
import sys
from pathlib import Path
import numpy as np
from edgestill.pipeline.graph.read import read_graph
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.pipeline.quantization.calibrate import calibrate
from edgestill.pipeline.quantization.quantize import quantize
graph = read_graph(Path(sys.argv[1]))
samples = np.random.default_rng(0).uniform(0, 255, (8, 32, 32, 3)).astype(np.float32)
calibration = calibrate(graph, [samples])
calibration.save(Path(sys.argv[2]))
Path(sys.argv[3]).write_bytes(to_tflite(quantize(graph, calibration, samples)))
"""


def test_processors_that_sum_in_another_order_give_the_same_files(tmp_path: Path) -> None:
    made = []
    for core in ("", "Haswell", "Nehalem"):  # which kernels OpenBLAS takes; "" is this processor's own
        files = [tmp_path / f"{core or 'own'}.{ending}" for ending in ("npz", "tflite")]
        command = [sys.executable, "-c", QUANTIZE, str(MLPERF / "ic_fp32.tflite"), *map(str, files)]
        subprocess.run(command, check=True, env={**os.environ, "OPENBLAS_CORETYPE": core})
        made.append([file.read_bytes() for file in files])
    assert made[0] == made[1] == made[2]


def test_options_that_there_are_not_are_refused() -> None:
    with pytest.raises(BadInput, match="no method 'entropy'; there are min-max, mse, percentile"):
        QuantizationOptions(ranges="entropy")  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="is empty"):
        QuantizationOptions(input_range=(1.0, 1.0))


def test_a_byte_of_a_pixel_is_a_step_of_the_model() -> None:
    raw = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    preprocess = Preprocess((16, 16, 1), "uint8", 255.0, (0.1307,), (0.3081,))
    low, high = preprocess.range or (0.0, 0.0)
    scale = np.float32((high - low) / 255)
    zero_point = int(np.round(-128 - low / scale))
    steps = np.round(preprocess.apply(raw) / scale) + zero_point
    assert np.array_equal(np.diff(steps.ravel()), np.ones(255))
