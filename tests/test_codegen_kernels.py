"""The fast kernels of convolutions, dense layers and pools, at the shapes and numbers that each of them is for."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from edgestill.pipeline.artifact import of_file
from edgestill.pipeline.codegen.layer import sites
from edgestill.pipeline.codegen.layers import EMITTERS
from edgestill.pipeline.codegen.layers.depthwise import PLANE
from edgestill.pipeline.graph.execute import run_integer
from edgestill.pipeline.graph.fixed_point import Multiplier, multiply
from edgestill.pipeline.graph.graph import Graph
from edgestill.pipeline.graph.operators import (
    AveragePool2d,
    Conv2d,
    DepthwiseConv2d,
    FullyConnected,
    MaxPool2d,
    Mean,
    Operator,
)
from edgestill.pipeline.graph.tensor import Quantization, Tensor, per_tensor
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.targets.emulation import tools
from edgestill.targets.emulation.microcontroller import Microcontroller
from edgestill.tests.built_c import check_in_c
from edgestill.tests.single_operator import EXAMPLES, Draw, activations, graph_of, int8, paddings, samples, seeds
from edgestill.tests.test_codegen_operators import side_by_side
from edgestill.tests.wanted import want

TOGETHER = 10  # graphs in one program
programs = settings(max_examples=max(2, EXAMPLES // TOGETHER), deadline=None, suppress_health_check=list(HealthCheck))
CORES = ("cortex-m3", "cortex-m4")  # without and with DSP instructions; M7 and M33 run what M4 runs


def weighted(draw: Draw, operator: Operator, x: tuple[int, ...], weights: tuple[int, ...], axis: int) -> Graph:
    """With numbers as a quantizer gives them: outputs that fill their range, mostly after a clamp at -128."""
    rng = np.random.default_rng(draw(seeds))
    count, terms = weights[axis], int(np.prod(weights)) // weights[axis]
    per_channel = draw(st.booleans()) or axis == 3
    scale = np.exp(rng.uniform(-6, -4, count if per_channel else 1)).astype(np.float32)
    given = per_tensor(draw(st.floats(2**-7, 0.125, width=32)), draw(st.sampled_from([-128, -128, -17, 0, 127])))
    spread = given.per_tensor_scale * float(scale.max()) * draw(st.sampled_from([0.05, 40, 40, 90])) * terms**0.5
    data = rng.integers(-127, 128, weights).astype(np.int8)
    tensors = [
        int8("x", x, given),
        Tensor("w", weights, "int8", Quantization(scale, 0, axis if per_channel else None), data),
        Tensor("b", (count,), "int32", None, rng.integers(-20_000, 20_000, count).astype(np.int32)),
    ]
    bias_scale = (scale.astype(np.float64) * given.per_tensor_scale).astype(np.float32)
    tensors[2] = replace(tensors[2], quantization=Quantization(bias_scale, 0, 0 if per_channel else None))
    made = per_tensor(float(np.float32(spread)), draw(st.sampled_from([-128, -128, -100, 0, 14, 127])))
    return graph_of(operator, tensors, made)


def sizes(draw: Draw, least: int = 1) -> tuple[int, int]:
    return draw(st.integers(least, 9)), draw(st.integers(least, 14))


def pointwise(draw: Draw) -> Graph:
    c, o = draw(st.integers(1, 40)), draw(st.integers(1, 20))
    return weighted(draw, Conv2d(activation=draw(activations)), (*sizes(draw), c), (o, 1, 1, c), 0)


def windows(draw: Draw) -> Graph:
    kernel, c, o = (draw(st.integers(1, 4)), draw(st.integers(1, 5))), draw(st.integers(1, 9)), draw(st.integers(2, 9))
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    operator = Conv2d(stride, draw(paddings), (draw(st.integers(1, 2)), 1), draw(activations))
    return weighted(draw, operator, (*sizes(draw, 8), c), (o, *kernel, c), 0)


def grouped(draw: Draw) -> Graph:
    groups, depth = draw(st.integers(2, 4)), draw(st.integers(1, 3))
    operator = Conv2d(padding=draw(paddings), activation=draw(activations))
    weights = (groups * draw(st.integers(1, 3)), 3, 3, depth)
    return weighted(draw, operator, (*sizes(draw, 3), groups * depth), weights, 0)


def planes(draw: Draw) -> Graph:
    stride, c, kernel = (
        draw(st.integers(1, 2)),
        draw(st.integers(1, 6)),
        draw(st.sampled_from([(3, 3), (1, 3), (3, 2)])),
    )
    operator = DepthwiseConv2d((stride, stride), draw(paddings), activation=draw(activations))
    size = draw(st.sampled_from([sizes(draw, 3), (40, 31), (31, 40), (kernel[0], 17)]))
    return weighted(draw, operator, (*size, c), (1, *kernel, c), 3)


def other_planes(draw: Draw) -> Graph:
    kernel, stride = (
        draw(st.sampled_from([(1, 3), (5, 5), (3, 3), (2, 4)])),
        draw(st.sampled_from([(1, 1), (1, 2), (3, 1)])),
    )
    dilation, c = draw(st.sampled_from([(1, 1), (2, 1)])), draw(st.integers(1, 9))
    operator = DepthwiseConv2d(stride, draw(paddings), dilation, activation=draw(activations))
    return weighted(draw, operator, (*sizes(draw, 9), c), (1, *kernel, c), 3)


def rows(draw: Draw) -> Graph:
    terms, outputs = draw(st.integers(1, 70)), draw(st.integers(1, 19))
    many = draw(st.sampled_from([(terms,), (terms,), (draw(st.integers(2, 7)), terms)]))
    return weighted(draw, FullyConnected(draw(activations), keep_dims=True), many, (outputs, terms), 0)


def pools(draw: Draw) -> Graph:
    kernel = draw(st.sampled_from([(2, 2), (3, 2), (5, 4), (8, 14)]))
    stride, padding = draw(st.sampled_from([(1, 1), (2, 2), (3, 2)])), draw(paddings)
    size = (draw(st.integers(8, 30)), draw(st.integers(14, 40)))
    kernel = draw(st.sampled_from([kernel, size]))
    kind = draw(st.sampled_from([AveragePool2d, MaxPool2d]))
    kept = per_tensor(0.05, draw(st.sampled_from([-128, 3, 127])))
    operator = kind(kernel, stride, padding, draw(activations))
    return graph_of(operator, [int8("x", (*size, draw(st.integers(1, 9))), kept)], kept)


def means(draw: Draw) -> Graph:
    size = draw(st.sampled_from([sizes(draw), (20, 30)]))
    given = per_tensor(0.05, draw(st.sampled_from([-128, 3, 127])))
    made = per_tensor(draw(st.sampled_from([0.05, 0.011])), draw(st.sampled_from([-128, 3, 127])))
    return graph_of(Mean((1, 2), keep_dims=True), [int8("x", (*size, draw(st.integers(1, 9))), given)], made)


FAMILIES = {one.__name__: one for one in (pointwise, windows, grouped, planes, other_planes, rows, pools, means)}


@pytest.mark.parametrize("family", FAMILIES)
@given(st.data())
@programs
def test_a_kernel_is_its_integer_statement_bit_for_bit(family: str, data: st.DataObject) -> None:
    check_in_c(side_by_side([FAMILIES[family](data.draw) for _ in range(TOGETHER)]), data.draw(seeds))


@pytest.mark.parametrize("core", CORES)
@given(data=st.data())
@settings(max_examples=2, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
def test_the_same_holds_on_emulated_cores(
    core: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    want(tools.has_program(tools.GCC), "mcu", tools.BRINGS_GCC)
    want(tools.has_program(tools.QEMU), "mcu", tools.BRINGS_QEMU)
    graph = side_by_side([family(data.draw) for family in FAMILIES.values() for _ in range(2)])
    path = tmp_path_factory.mktemp("kernels") / "net.tflite"
    path.write_bytes(to_tflite(graph))
    inputs = samples(graph, 0)
    with Microcontroller(core).load(of_file(path)) as loaded:
        found = loaded.infer(inputs)
    for ours, theirs in zip(found, run_integer(graph, inputs), strict=True):
        np.testing.assert_array_equal(ours.reshape(theirs.shape), theirs)


@given(st.integers(0, 2**32 - 1), st.integers(-6, 15), st.integers(-128, 127))
@settings(max_examples=EXAMPLES, deadline=None)
def test_one_floor_is_both_roundings_where_negative_ties_are_cut_off(seed: int, shift: int, zero_point: int) -> None:
    sums, significand = drawn_sums(seed)
    shift = shift if zero_point == -128 else max(shift, 1)
    made = multiply(sums, Multiplier(significand, np.asarray(-shift))) + zero_point
    half = 1 << (shift - 1) if shift > 0 else 0
    first = 64 if shift >= 0 else 64 >> -shift
    constant = (half << 7) + (zero_point << (7 + shift))
    up = ((256 * sums * significand >> 32) + first + constant) >> (7 + shift)
    product = (256 * sums * significand + (64 << 32)) >> 32
    away = (product - 128 * (product < 0) + constant) >> (7 + shift)
    np.testing.assert_array_equal(np.maximum(up, zero_point), np.maximum(made, zero_point))
    if shift > 0:
        np.testing.assert_array_equal(away, made)


def drawn_sums(seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Sums of 24 bits and multipliers, many of which meet in ties."""
    rng = np.random.default_rng(seed)
    sums = rng.integers(-(2**23) + 1, 2**23, 4000) >> rng.integers(0, 20, 4000)
    significand = rng.integers(2**30, 2**31, 4000)
    round_ones = rng.integers(2**4, 2**5, 4000) << 26
    return sums, np.where(rng.random(4000) < 0.5, significand, round_ones)


@pytest.mark.parametrize(
    ("change", "kernel"),
    [
        ({}, "pointwise.h"),
        ({"weight": -128}, "convolution_any.h"),
        ({"bias": 2**23, "scale": 2**-11}, "convolution_any.h"),
        ({"scale": 1000.0}, "pointwise.h"),  # a left shift, cut off below the zero point
    ],
)
def test_numbers_outside_of_a_kernels_range_get_the_plain_one(
    change: dict[str, Any], kernel: str, seed: int = 1
) -> None:
    weights = np.random.default_rng(seed).integers(-127, 128, (4, 1, 1, 8)).astype(np.int8)
    weights[0, 0, 0, 0] = change.get("weight", 3)
    bias = np.array([change.get("bias", 100), 0, -70, 5], np.int32)
    scales = Quantization(np.full(4, 2**-7 * change.get("scale", 1.0), np.float32), 0, 0)
    tensors = [
        int8("x", (3, 3, 8), per_tensor(0.5, 3)),
        Tensor("w", weights.shape, "int8", scales, weights),
        Tensor("b", (4,), "int32", Quantization(scales.scale / np.float32(2), 0, 0), bias),
    ]
    graph = graph_of(Conv2d(activation="relu"), tensors, per_tensor(0.25, -128))
    ((_, site),) = sites(graph)
    assert kernel in EMITTERS[Conv2d](site).kernels
    check_in_c(graph, seed)


def test_a_plane_takes_no_more_scratch_than_it_may_and_its_output_may_lie_on_it() -> None:
    graph = planes_of(96)
    ((_, site),) = sites(graph)
    layer = EMITTERS[DepthwiseConv2d](site)
    assert "depthwise.h" in layer.kernels
    assert layer.scratch <= PLANE + 32
    assert layer.in_place == (0,)
    check_in_c(graph, 3)


def planes_of(side: int) -> Graph:
    weights = np.random.default_rng(0).integers(-127, 128, (1, 3, 3, 2)).astype(np.int8)
    scales = Quantization(np.array([2**-7, 2**-8], np.float32), 0, 3)
    tensors = [int8("x", (side, side, 2), per_tensor(0.5, 3)), Tensor("w", weights.shape, "int8", scales, weights)]
    return graph_of(DepthwiseConv2d(padding="SAME"), tensors, per_tensor(1.5, 3))
