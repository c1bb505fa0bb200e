"""Activation functions, gates and bounds from torch and ONNX to INT8 files that agree, and what of them is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch import nn

from edgestill.pipeline.errors import Unsupported
from edgestill.pipeline.graph.execute import run_integer
from edgestill.pipeline.graph.from_onnx import from_onnx
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import Graph, Node
from edgestill.pipeline.graph.operators import HardSwish, LeakyRelu, Operator, Sigmoid, Tanh
from edgestill.pipeline.graph.tensor import Tensor, per_tensor
from edgestill.pipeline.graph.to_onnx import to_onnx
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.pipeline.quantization.calibrate import calibrate
from edgestill.pipeline.quantization.quantize import quantize
from edgestill.pipeline.runtimes.parity import compare
from edgestill.tests.lowered import channels_last, check_float, exported, model, noise, onnx_runs, quantized

torch.set_num_threads(1)
FUNCTIONS: dict[str, tuple[nn.Module, set[str]]] = {
    "sigmoid": (nn.Sigmoid(), {"Sigmoid"}),
    "tanh": (nn.Tanh(), {"Tanh"}),
    "hard swish": (nn.Hardswish(), {"HardSwish"}),
    "hard sigmoid": (nn.Hardsigmoid(), {"Mul"}),
    "leaky": (nn.LeakyReLU(0.1), {"LeakyRelu"}),
    "one slope a channel": (nn.PReLU(6), {"PRelu"}),
    "one slope": (nn.PReLU(), {"PRelu"}),
    "silu": (nn.SiLU(), {"Sigmoid", "Mul"}),
    "hard tanh": (nn.Hardtanh(-2, 3), {"Maximum", "Minimum"}),
    "up to one": (nn.Hardtanh(0, 1), {"Minimum"}),
}


class Gates(nn.Module):
    """All functions one after another, and a gate a channel as squeeze-and-excitation has it."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(4, 6, 3, padding=1)
        self.functions = nn.ModuleList(function for function, _ in FUNCTIONS.values())
        self.layers = nn.ModuleList(nn.Conv2d(6, 6, 1) for _ in FUNCTIONS)
        self.down, self.up = nn.Conv2d(6, 3, 1), nn.Conv2d(3, 6, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n,4,8,8) -> (n,6,8,8)."""
        y: torch.Tensor = self.first(x)
        for function, layer in zip(self.functions, self.layers, strict=True):
            y = layer(function(y)) * 2
        gate = nn.functional.hardsigmoid(self.up(torch.relu(self.down(y.mean((2, 3), keepdim=True)))))
        return y * gate


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_behind_a_layer_becomes_integers(name: str) -> None:
    torch.manual_seed(0)
    function, kinds = FUNCTIONS[name]
    net = nn.Sequential(nn.Conv2d(4, 6, 3, padding=1), function, nn.Conv2d(6, 3, 1))
    graph = check_float(exported(net, (4, 8, 8)), (4, 8, 8))
    assert set(graph.count()) == {"Conv2d", *kinds}
    quantized(graph, (4, 8, 8))


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "one slope a channel"])
def test_a_function_that_stands_first_becomes_integers(name: str) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(FUNCTIONS[name][0], nn.Linear(12, 3))
    quantized(check_float(exported(net, (12,)), (12,)), (12,))


def test_both_of_torch_s_exporters_say_all_of_them_and_the_files_agree(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = Gates()
    graph = check_float(exported(net, (4, 8, 8)), (4, 8, 8))
    traced = from_onnx(exported(net, (4, 8, 8), dynamo=True))
    assert [node.kind for node in traced.nodes] == [node.kind for node in graph.nodes]
    integer = quantized(graph, (4, 8, 8))
    tflite, qdq = tmp_path / "gates.tflite", tmp_path / "gates.onnx"
    tflite.write_bytes(to_tflite(integer))
    qdq.write_bytes(to_onnx(integer))
    parity = compare(tflite, qdq, channels_last(noise(20, 4, 8, 8)))
    assert parity.passed, parity.reasons


def test_batch_norm_stands_alone_where_no_layer_takes_it_in() -> None:
    torch.manual_seed(0)
    image = nn.Sequential(nn.BatchNorm2d(4), nn.MaxPool2d(2), nn.BatchNorm2d(4), nn.Conv2d(4, 3, 1))
    image(torch.randn(8, 4, 8, 8) * 2 + 1)
    graph = check_float(exported(image, (4, 8, 8)), (4, 8, 8))
    assert graph.count() == {"DepthwiseConv2d": 2, "MaxPool2d": 1, "Conv2d": 1}
    quantized(graph, (4, 8, 8))
    flat = nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 3))
    flat(torch.randn(8, 6) * 2 + 1)
    graph = check_float(exported(flat, (6,)), (6,))
    assert graph.count() == {"Mul": 1, "Add": 1, "FullyConnected": 1}
    quantized(graph, (6,))


def node(operator: str, inputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), ["y"], name=f"the {operator.lower()}", **attributes)


def test_bounds_are_also_said_by_max_and_min_of_two() -> None:
    for operator, kind in (("Max", "Maximum"), ("Min", "Minimum")):
        assert check_float(model([node(operator, "c x")], (1, 4, 3, 3), c=0.3), (4, 3, 3)).count() == {kind: 1}
        assert check_float(model([node(operator, "x x")], (1, 4)), (4,)).count() == {kind: 1}


def steps(*nodes: tuple[str, str, str]) -> bytes:
    """A model of these steps: operator, inputs, output."""
    made = [helper.make_node(operator, inputs.split(), [output]) for operator, inputs, output in nodes]
    if made[0].op_type == "HardSigmoid":
        made[0].attribute.append(helper.make_attribute("alpha", 1 / 6))
    numbers = {"three": 3, "zero": 0, "six": 6, "sixth": 1 / 6, "five": 5}
    used = {name: value for name, value in numbers.items() if any(name in node.input for node in made)}
    return model(made, (1, 4, 3, 3), **used)


THREE, CUT = ("Add", "three x", "a"), ("Clip", "a zero six", "b")


@pytest.mark.parametrize(
    "data",
    [
        steps(("HardSigmoid", "x", "a"), ("Mul", "x a", "y")),
        steps(THREE, CUT, ("Mul", "x b", "c"), ("Div", "c six", "y")),
        steps(THREE, CUT, ("Mul", "b x", "c"), ("Mul", "sixth c", "y")),
        steps(THREE, CUT, ("Div", "b six", "c"), ("Mul", "x c", "y")),
        steps(THREE, CUT, ("Mul", "b sixth", "c"), ("Mul", "c x", "y")),
    ],
)
def test_a_hard_swish_that_is_said_by_its_parts_is_one(data: bytes) -> None:
    assert check_float(data, (4, 3, 3)).count() == {"HardSwish": 1}


@pytest.mark.parametrize(
    "data",
    [
        steps(THREE, CUT, ("Mul", "x b", "c"), ("Div", "c five", "y")),
        steps(THREE, CUT, ("Mul", "x b", "c"), ("Div", "c six", "d"), ("Add", "d b", "y")),
        steps(("Add", "five x", "a"), CUT, ("Mul", "x b", "c"), ("Div", "c six", "y")),
        steps(("HardSigmoid", "x", "a"), ("Mul", "a a", "y")),
    ],
)
def test_what_only_looks_like_a_hard_swish_stays_what_it_is(data: bytes) -> None:
    assert "HardSwish" not in check_float(data, (4, 3, 3)).count()


REFUSED = {
    "a negative slope": (node("LeakyRelu", "x", alpha=-0.1), "O-ATTRIBUTE .* negative slope, -0.1; use PRelu"),
    "an empty range": (node("Clip", "x two one"), r"O-ATTRIBUTE .* clips to \[2.0, 1.0\], which is empty"),
    "slopes of another length": (node("PRelu", "x three"), r"O-SHAPE .* does not broadcast to \(1, 4\)"),
    "slopes that are computed": (node("PRelu", "x x"), "O-DYNAMIC .* not a constant"),
    "a maximum of three": (node("Max", "x one two"), "O-ATTRIBUTE .* has 3 inputs; 2 are carried"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_carried_is_refused_with_a_reason(what: str) -> None:
    refused, words = REFUSED[what]
    with pytest.raises(Unsupported, match=words):
        from_onnx(model([refused], (1, 4), one=1, two=2, three=[1, 2, 3]))


def test_a_layer_that_gives_nothing_has_files_that_run(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = Gates()
    with torch.no_grad():
        net.down.weight.zero_()  # its ReLU is zero for every sample, and the gate a constant
        net.down.bias = nn.Parameter(torch.full((3,), -100.0))
        net.first.weight *= 1e-6
        net.first.bias = None  # what it gives is far below one step of its input
    graph, samples = from_onnx(exported(net, (4, 8, 8))), channels_last(noise(8, 4, 8, 8))
    integer = quantize(graph, calibrate(graph, [samples]), samples)
    tflite, qdq = tmp_path / "net.tflite", tmp_path / "net.onnx"
    tflite.write_bytes(to_tflite(integer))
    qdq.write_bytes(to_onnx(integer))
    assert compare(tflite, qdq, samples).passed


def test_a_hard_swish_of_what_is_nearly_always_negative_has_a_scale_that_its_kernel_takes() -> None:
    class Twice(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.hardswish(x) + x * 1e-3

    graph, samples = from_onnx(exported(Twice(), (4, 4, 4))), -np.abs(noise(8, 4, 4, 4)) * 100
    integer = quantize(graph, calibrate(graph, [samples]), samples)
    assert from_tflite(to_tflite(integer)) == integer


def test_what_a_reader_cannot_tell_apart_takes_no_steps() -> None:
    torch.manual_seed(0)
    for function, width in ((nn.Hardtanh(-1, 1), 2.0), (nn.Sigmoid(), 12.5), (nn.Tanh(), 6.4), (nn.Hardswish(), None)):
        layer = nn.Conv2d(4, 6, 1)
        layer.weight.data *= 50
        graph = from_onnx(exported(nn.Sequential(layer, function, nn.Conv2d(6, 3, 1)), (4, 8, 8)))
        integer = quantized(graph, (4, 8, 8))
        scale = integer.tensors[integer.nodes[0].outputs[0]].quantization
        assert scale is not None
        low, high = ((end - scale.zero_point) * scale.per_tensor_scale for end in (-128, 127))
        assert low >= -3.01 if width is None else high - low == pytest.approx(width, rel=1e-3)


def test_a_sigmoid_of_a_foreign_qdq_file_gets_the_scale_of_its_kernel_and_is_requantized() -> None:
    steps = [("QuantizeLinear", "x"), ("DequantizeLinear", "a"), ("Sigmoid", "b"), ("QuantizeLinear", "c")]
    nodes = [
        helper.make_node(kind, [name] if kind == "Sigmoid" else [name, f"s{i // 2}", f"z{i // 2}"], [output])
        for i, ((kind, name), output) in enumerate(zip(steps, "abcd", strict=True))
    ]
    nodes.append(helper.make_node("DequantizeLinear", ["d", "s1", "z1"], ["y"]))
    made = onnx.load_model_from_string(model(nodes, (1, 4), s0=0.05, s1=0.01))
    zeros = [numpy_helper.from_array(np.array(zero, np.uint8), f"z{i}") for i, zero in enumerate((128, 5))]
    made.graph.initializer.extend(zeros)
    graph = from_onnx(made.SerializeToString())
    assert [one.kind for one in graph.nodes] == ["Sigmoid", "Quantize"]
    scales = [graph.tensors[one.outputs[0]].quantization for one in graph.nodes]
    assert scales == [per_tensor(1 / 256, -128), per_tensor(0.01, 5 - 128)]
    assert from_tflite(to_tflite(graph)) == graph


@pytest.mark.parametrize("clamp", [("Clip", ["b", "low", "high"]), ("Max", ["low", "b"])])
def test_a_clamp_between_two_scales_of_a_foreign_qdq_file_is_requantized_first(clamp: tuple[str, list[str]]) -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s0", "z0"], ["a"]),
        helper.make_node("DequantizeLinear", ["a", "s0", "z0"], ["b"]),
        helper.make_node(*clamp, ["c"]),
        helper.make_node("QuantizeLinear", ["c", "s1", "z1"], ["d"]),
        helper.make_node("DequantizeLinear", ["d", "s1", "z1"], ["y"]),
    ]
    zeros = {"z0": np.array(128, np.uint8), "z1": np.array(60, np.uint8)}
    bounds = {name: value for name, value in (("low", -0.5), ("high", 0.8)) if name in clamp[1]}
    data = model(nodes, (1, 3, 4, 4), s0=0.02, s1=0.01, **bounds, **zeros)
    graph, x = from_onnx(data), noise(1, 3, 4, 4)
    assert graph.nodes[0].kind == "Quantize"
    assert from_tflite(to_tflite(graph)) == graph
    first, last = (graph.tensors[name].quantization for name in (*graph.inputs, *graph.outputs))
    assert first is not None and last is not None
    (found,) = run_integer(graph, [first.quantize(channels_last(x))])
    np.testing.assert_allclose(last.dequantize(found), channels_last(onnx_runs(data, x)), atol=1e-6)


@pytest.mark.parametrize(
    ("operator", "scales", "words"),
    [
        (Sigmoid(), (0.1, 1 / 128), "T-SCALE .* int8 LOGISTIC has output scale 0.0078125 .* gives 1/256 and -128"),
        (Tanh(), (0.1, 1 / 256), "T-SCALE .* int8 TANH has output scale 0.00390625 .* gives 1/128 and 0"),
        (HardSwish(), (0.64, 0.005), "T-SCALE .* HARD_SWISH takes scale 0.64 to 0.005; .* more than 1/128"),
        (LeakyRelu(-0.5), (0.1, 0.1), "T-OPTION .* LEAKY_RELU: a negative slope, -0.5, is not carried; PRELU carries"),
    ],
)
def test_scales_that_a_kernel_does_not_have_are_refused(operator: Operator, scales: Any, words: str) -> None:
    x, y = (Tensor(name, (1, 4), "int8", per_tensor(scale, 0)) for name, scale in zip("xy", scales, strict=True))
    graph = Graph({"x": x, "y": y}, (Node(operator, ("x",), ("y",)),), ("x",), ("y",))
    with pytest.raises(Unsupported, match=words):
        from_tflite(to_tflite(graph))
