"""ONNX files read into the graph and written back: the same numbers as ONNX Runtime, the same integers both ways."""

import contextlib
import io
import warnings
from collections.abc import Callable
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgestill.pipeline.errors import BadModel, Unsupported
from edgestill.pipeline.graph.difference import differences
from edgestill.pipeline.graph.execute import run_float, run_integer
from edgestill.pipeline.graph.from_onnx import from_onnx
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import Graph, renumbered
from edgestill.pipeline.graph.operators import MaxPool2d
from edgestill.pipeline.graph.passes.canonical import canonical
from edgestill.pipeline.graph.to_onnx import to_onnx
from edgestill.pipeline.models.catalog import build
from edgestill.pipeline.quantization.calibrate import calibrate
from edgestill.pipeline.quantization.quantize import quantize

torch.set_num_threads(1)
MLPERF = Path(__file__).parent / "cases" / "mlperf-tiny"
NETS = ("ds-cnn", "resnet8", "mobilenet-v1", "mobilenet-v2")
Array = NDArray[Any]


def trained(net: torch.nn.Module, shape: tuple[int, ...]) -> torch.nn.Module:
    """The net after its batch norms have seen something."""
    net(torch.randn(8, *shape) * 2 + 1)
    return net.eval()


def exported(net: torch.nn.Module, shape: tuple[int, ...], dynamo: bool = False) -> bytes:
    """The net by one of torch's two exporters: the plain one with a free batch, the other with a batch of 1."""
    written = io.BytesIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        if dynamo:
            program = torch.onnx.export(net, (torch.zeros(1, *shape),), dynamo=True, opset_version=18)
            assert program is not None
            return bytes(program.model_proto.SerializeToString())
        torch.onnx.export(
            net,
            (torch.zeros(1, *shape),),
            written,  # type: ignore[arg-type]  # it takes files as well as paths
            dynamo=False,
            opset_version=17,
            input_names=["x"],
            dynamic_axes={"x": {0: "batch"}},
        )
    return written.getvalue()


def model(nodes: list[onnx.NodeProto], shape: tuple[Any, ...], opset: int = 17, /, **constants: Any) -> bytes:
    """A file with input `x` and output `y` of these nodes."""
    port = helper.make_tensor_value_info
    values = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    ports = [port("x", TensorProto.FLOAT, shape)], [port("y", TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, "test", *ports, values)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return bytes(made.SerializeToString())


def node(operator: str, inputs: str, output: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), [output], name=f"the {operator.lower()}", **attributes)


def onnx_runs(data: bytes, x: Array) -> Array:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    result: Array = np.concatenate([session.run(None, {name: one[None]})[0] for one in x])
    return result


def channels_last(x: Array) -> Array:
    if x.ndim == 3:
        return np.ascontiguousarray(x.transpose(0, 2, 1)[:, None])
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if x.ndim == 4 else x


def noise(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def check_reads_as(data: bytes, x: Array, tolerance: float = 1e-4) -> Graph:
    """The graph of these bytes, which gives what ONNX Runtime gives."""
    graph = from_onnx(data)
    wanted = channels_last(onnx_runs(data, x))
    (found,) = run_float(graph, [channels_last(x)])
    np.testing.assert_allclose(found, wanted, atol=tolerance * max(1.0, float(np.abs(wanted).max())))
    return graph


@pytest.fixture(scope="module", params=NETS)
def net(request: pytest.FixtureRequest) -> tuple[torch.nn.Module, tuple[int, int, int]]:
    torch.manual_seed(0)
    return trained(build(request.param, (32, 32, 3), 10, {}), (3, 32, 32)), (3, 32, 32)


def test_a_net_means_the_same_as_in_onnx_runtime_and_moves_nothing(
    net: tuple[torch.nn.Module, tuple[int, int, int]],
) -> None:
    graph = check_reads_as(exported(*net), noise(2, *net[1]))
    assert {"Conv2d", "Mean", "FullyConnected"} <= set(graph.count())
    assert not set(graph.count()) & {"Reshape", "Pad", "Relu", "Relu6"}
    assert list(graph.tensors) == [f"t{index}" for index in range(len(graph.tensors))]
    assert all(tensor.origin for tensor in graph.tensors.values() if not tensor.constant)


def test_both_of_torch_s_exporters_give_one_graph() -> None:
    torch.manual_seed(0)
    made = trained(build("mobilenet-v2", (16, 16, 1), 4, {}), (1, 16, 16))
    plain, traced = from_onnx(exported(made, (1, 16, 16))), from_onnx(exported(made, (1, 16, 16), dynamo=True))
    assert [one.operator for one in plain.nodes] == [one.operator for one in traced.nodes]
    x = channels_last(noise(2, 1, 16, 16))
    np.testing.assert_allclose(run_float(plain, [x])[0], run_float(traced, [x])[0], atol=1e-4)


@pytest.mark.parametrize("dynamo", [False, True])
def test_a_net_of_one_dimension_is_an_image_of_one_row(dynamo: bool) -> None:
    torch.manual_seed(0)
    made = torch.nn.Sequential(
        torch.nn.Conv1d(3, 8, 5, padding=2),
        torch.nn.BatchNorm1d(8),
        torch.nn.ReLU(),
        torch.nn.MaxPool1d(2),
        torch.nn.Conv1d(8, 8, 3, stride=2, padding=1, groups=8),
        torch.nn.AdaptiveAvgPool1d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(8, 4),
    )
    graph = check_reads_as(exported(trained(made, (3, 32)), (3, 32), dynamo), noise(2, 3, 32))
    assert graph.tensors[graph.inputs[0]].shape == (1, 1, 32, 3)


def test_a_dense_layer_behind_a_flattened_image_reads_it_channels_last() -> None:
    torch.manual_seed(0)
    made = torch.nn.Sequential(
        torch.nn.Conv2d(2, 3, 3), torch.nn.Flatten(), torch.nn.ReLU(), torch.nn.Linear(48, 5), torch.nn.Softmax(dim=1)
    )
    graph = check_reads_as(exported(made.eval(), (2, 6, 6)), noise(2, 2, 6, 6))
    assert graph.count()["Reshape"] == 1


def test_batch_norm_behind_a_dense_layer_is_folded() -> None:
    torch.manual_seed(0)
    made = trained(torch.nn.Sequential(torch.nn.Linear(6, 4), torch.nn.BatchNorm1d(4), torch.nn.ReLU()), (6,))
    graph = check_reads_as(exported(made, (6,)), noise(3, 6))
    assert graph.count() == {"FullyConnected": 1}


def test_batch_norm_that_follows_no_layer_is_a_depthwise_layer_of_one_tap() -> None:
    torch.manual_seed(0)
    made = trained(torch.nn.Sequential(torch.nn.BatchNorm2d(3), torch.nn.Conv2d(3, 2, 1)), (3, 4, 4))
    assert check_reads_as(exported(made, (3, 4, 4)), noise(2, 3, 4, 4)).count()["DepthwiseConv2d"] == 1


class TwoReaders(torch.nn.Module):
    """A value that is read before and after its activation, and reshaped by arithmetic on its own shape."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Conv2d(2, 4, 3, padding=1), torch.nn.Linear(4 * 25, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.first(x)
        z: torch.Tensor = self.second((y + torch.relu(y)).view(x.size(0), -1))
        return z


def test_an_activation_is_fused_only_where_nobody_else_reads_what_stands_before_it() -> None:
    torch.manual_seed(0)
    graph = check_reads_as(exported(TwoReaders().eval(), (2, 5, 5)), noise(2, 2, 5, 5))
    assert graph.count()["Relu"] == 1


def test_constants_a_channel_go_into_the_layer_before_them() -> None:
    data = model(
        [
            node("MatMul", "x w", "a"),
            node("Add", "b a", "c"),
            node("Mul", "c two", "d"),
            node("Sub", "b d", "e"),
            node("Div", "e two", "f"),
            node("Clip", "f zero", "y"),
        ],
        ("batch", 3),
        w=noise(3, 4),
        b=noise(4),
        two=np.float32(2),
        zero=np.float32(0),
    )
    graph = check_reads_as(data, noise(2, 3))
    assert graph.count() == {"FullyConnected": 1}
    assert graph.nodes[0].operator.activation == "relu"  # type: ignore[attr-defined]


def test_an_input_that_comes_channels_last_is_taken_as_it_comes() -> None:
    nodes = [node("Transpose", "x", "a", perm=[0, 3, 1, 2]), node("Conv", "a w", "b"), node("Relu", "b", "y")]
    data = model(nodes, (1, 5, 6, 2), w=noise(3, 2, 3, 3))
    x = noise(1, 5, 6, 2)
    graph = from_onnx(data)
    assert graph.count() == {"Conv2d": 1}
    np.testing.assert_allclose(run_float(graph, [x])[0], channels_last(onnx_runs(data, x)), atol=1e-5)


def test_means_and_pads_and_squeezes_of_every_opset() -> None:
    old = [node("ReduceMean", "x", "a", axes=[-1, -2], keepdims=0), node("Gemm", "a w", "y", alpha=0.5)]
    check_reads_as(model(old, (1, 3, 4, 5), w=noise(3, 2)), noise(2, 3, 4, 5))
    new = [
        node("Pad", "x pads zero axes", "a"),
        node("ReduceMean", "a last", "b"),
        node("Squeeze", "b three", "c"),
        node("Unsqueeze", "c three", "d"),
        node("Relu", "d", "y"),
    ]
    constants = {"pads": [1, 2], "axes": [2], "last": [3], "three": [3], "zero": np.float32(0)}
    check_reads_as(model(new, (1, 3, 4, 5), 18, **constants), noise(2, 3, 4, 5))


@st.composite
def windowed(draw: st.DrawFn) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Attributes of a windowed operator in one or two dimensions, and an input it fits on."""
    rank = draw(st.integers(1, 2))
    axes = [
        draw(st.tuples(st.integers(4, 9), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2), st.integers(0, 2)))
        for _ in range(rank)
    ]
    lengths, kernel, strides, before, after = zip(*axes, strict=True)
    assume(all(b < k and a < k for b, a, k in zip(before, after, kernel, strict=True)))
    return {"kernel_shape": kernel, "strides": strides, "pads": [*before, *after]}, lengths


@settings(max_examples=60, deadline=None)
@given(windowed(), st.sampled_from([1, 4]), st.integers(1, 2))
def test_any_convolution_means_the_same(
    windows: tuple[dict[str, Any], tuple[int, ...]], group: int, dilation: int
) -> None:
    attributes, lengths = windows
    kernel = attributes["kernel_shape"]
    assume(all((k - 1) * dilation < length for k, length in zip(kernel, lengths, strict=True)))
    weights = noise(8, 4 // group, *kernel)
    nodes = [node("Conv", "x w b", "y", **attributes, dilations=[dilation] * len(kernel), group=group)]
    data = model(nodes, (1, 4, *lengths), w=weights, b=noise(8))
    graph = check_reads_as(data, noise(2, 4, *lengths))
    again = from_onnx(to_onnx(graph))
    x = channels_last(noise(1, 4, *lengths))
    np.testing.assert_array_equal(run_float(again, [x])[0], run_float(graph, [x])[0])


@settings(max_examples=40, deadline=None)
@given(windowed(), st.booleans(), st.booleans(), st.sampled_from(["uint8", "int8"]))
def test_any_quantized_graph_comes_back_from_qdq(
    windows: tuple[dict[str, Any], tuple[int, ...]], depthwise: bool, pooled: bool, activations: Any
) -> None:
    attributes, lengths = windows
    weights = noise(4, 1 if depthwise else 4, *attributes["kernel_shape"])
    nodes = [node("Conv", "x w", "a", **attributes, group=4 if depthwise else 1), node("Relu", "a", "b")]
    last = "b"
    if pooled:
        nodes.append(node("MaxPool", "b", "c", kernel_shape=[1] * len(lengths), strides=[2] * len(lengths)))
        last = "c"
    image = from_onnx(model([*nodes, node("Identity", last, "y")], (1, 4, *lengths), w=weights))
    dense = noise(prod(image.tensors[image.outputs[0]].shape), 3)
    nodes += [node("Flatten", last, "d"), node("Gemm", "d v", "y")]
    graph = from_onnx(model(nodes, (1, 4, *lengths), w=weights, v=dense))
    x = channels_last(noise(4, 4, *lengths))
    integer = quantize(graph, calibrate(graph, [x]), x)
    assert from_onnx(to_onnx(integer, activations)) == renumbered(canonical(integer))


@settings(max_examples=60, deadline=None)
@given(windowed(), st.booleans(), st.booleans())
def test_any_pool_of_what_is_not_negative_means_the_same(
    windows: tuple[dict[str, Any], tuple[int, ...]], maximum: bool, ceil: bool
) -> None:
    attributes, lengths = windows
    how = {"ceil_mode": int(ceil)} if maximum else {"count_include_pad": 1}
    nodes = [node("Relu", "x", "a"), node("MaxPool" if maximum else "AveragePool", "a", "y", **attributes, **how)]
    check_reads_as(model(nodes, (1, 2, *lengths)), noise(2, 2, *lengths))


def test_a_max_pool_that_pads_what_may_be_negative_is_refused_unless_tensorflow_pads_alike() -> None:
    unequal = [node("MaxPool", "x", "y", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])]
    with pytest.raises(Unsupported, match="O-ATTRIBUTE  node 'the maxpool': MaxPool pads .* behind its ReLU"):
        from_onnx(model(unequal, (1, 2, 8, 8)))
    check_reads_as(model(unequal, (1, 2, 7, 7)), noise(2, 2, 7, 7))


def test_what_is_not_carried_is_named_all_at_once() -> None:
    nodes = [
        node("Elu", "x", "a"),
        node("Relu", "a", "b"),
        node("Selu", "b", "c"),
        node("AveragePool", "x", "d", kernel_shape=[3, 3], pads=[1, 0, 0, 0]),
        node("Add", "c d", "y"),
    ]
    with pytest.raises(Unsupported) as refusal:
        from_onnx(model(nodes, (1, 2, 8, 8)), "net.onnx")
    assert str(refusal.value).startswith("net.onnx: cannot be lowered:\n")
    assert [reason.split(":")[0] for reason in refusal.value.reasons] == [
        "O-OP-UNKNOWN  node 'the elu'",
        "O-OP-UNKNOWN  node 'the selu'",
        "O-ATTRIBUTE  node 'the averagepool'",
    ]
    assert "operator Elu is not carried; there are Add, AveragePool," in refusal.value.reasons[0]


REFUSED: dict[str, tuple[list[onnx.NodeProto], str]] = {
    "transposed operand": ([node("Gemm", "x w", "y", transA=1)], "O-ATTRIBUTE .* transA"),
    "weights that are computed": ([node("MatMul", "x x", "y")], "O-SHAPE .* matrices that fit"),
    "a constant divided": ([node("Div", "one x", "y")], "divides a constant"),
    "shapes that do not fit": ([node("Reshape", "x wrong", "y")], "O-SHAPE .* another number of elements"),
    "axes": ([node("Softmax", "x", "y", axis=0)], "normalises the batch"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_options_that_are_not_carried_are_refused_with_a_reason(what: str) -> None:
    nodes, words = REFUSED[what]
    constants: dict[str, Any] = {
        "w": noise(4, 4),
        "one": np.float32(1),
        "shape": np.array([1, 2, 2, 1]),
        "wrong": np.array([1, 3]),
    }
    with pytest.raises(Unsupported, match=words):
        from_onnx(model(nodes, (1, 4), **constants))


def good() -> onnx.ModelProto:
    return onnx.load_model_from_string(model([node("Relu", "x", "y")], (1, 4)))


def changed(change: Callable[[onnx.ModelProto], object]) -> bytes:
    made = good()
    change(made)
    return bytes(made.SerializeToString())


def elsewhere(made: onnx.ModelProto) -> None:
    weight = made.graph.initializer.add(name="w", data_type=TensorProto.FLOAT, dims=[1])
    weight.data_location = TensorProto.EXTERNAL


def ports(made: onnx.ModelProto) -> Any:
    return made.graph.input[0].type.tensor_type


SMALL = model(
    [
        node("QuantizeLinear", "x s z", "a"),
        node("DequantizeLinear", "a s z", "b"),
        node("Conv", "b w", "c", pads=[1, 1, 1, 1], strides=[2, 2], group=2),
        node("Clip", "c zero six", "d"),
        node("MaxPool", "d", "e", kernel_shape=[2, 2]),
        node("Flatten", "e", "y"),
    ],
    ("batch", 2, 6, 6),
    s=np.float32(0.1),
    z=np.uint8(3),
    w=noise(2, 1, 3, 3),
    zero=np.float32(0),
    six=np.float32(6),
)


BROKEN: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", r"not an ONNX file, or one without nodes \(0 bytes\)"),
    "something else": (b"PK\x03\x04 certainly no protobuf", "not an ONNX file"),
    "cut short": (model([node("MatMul", "x w", "y")], (1, 4), w=noise(4, 4))[:90], "not an ONNX file"),
    "weights elsewhere": (changed(elsewhere), r"1 weights lie in another file .*external_data=False"),
    "an old opset": (changed(lambda made: setattr(made.opset_import[0], "version", 11)), "opset 11; opsets 13 to 22"),
    "two inputs": (
        changed(lambda made: made.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [1]))),
        r"2 inputs \(x, z\)",
    ),
    "half precision": (changed(lambda made: setattr(ports(made), "elem_type", TensorProto.FLOAT16)), "'x' is FLOAT16"),
    "a fixed batch": (changed(lambda made: setattr(ports(made).shape.dim[0], "dim_value", 8)), "fixed batch of 8"),
    "a free axis": (changed(lambda made: ports(made).shape.dim[1].Clear()), "is free in axis 1; .*--shape 1,N"),
    "five axes": (changed(lambda made: [ports(made).shape.dim.add(dim_value=1) for _ in range(3)]), "5 axes"),
    "a giant": (changed(lambda made: setattr(ports(made).shape.dim[1], "dim_value", 2**40)), "is too large; up to"),
    "an undefined name": (changed(lambda made: made.graph.node[0].input.__setitem__(0, "z")), "not a valid ONNX model"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_is_refused_in_one_line(what: str) -> None:
    data, words = BROKEN[what]
    with pytest.raises(BadModel, match=words) as refusal:
        from_onnx(data, "broken.onnx")
    assert str(refusal.value).startswith("broken.onnx: ")
    assert "\n" not in str(refusal.value)


def doubled(times: int) -> list[onnx.NodeProto]:
    return [node("Concat", f"c{index} c{index}", f"c{index + 1}", axis=0) for index in range(times)]


HUGE: dict[str, list[onnx.NodeProto]] = {
    "a range": [node("Range", "zero giant one", "c")],
    "a range of no step": [node("Range", "zero giant zero", "c")],
    "a filled shape": [node("ConstantOfShape", "shape", "c")],
    "an expanded constant": [node("Expand", "one shape", "c")],
    "an outer product": [node("Mul", "row column", "c")],
    "a choice of rows": [node("Gather", "row positions", "c", axis=0)],
    "a concatenation of itself": [*doubled(60), node("Identity", "c60", "c")],
    "a product of matrices": [node("MatMul", "row column", "c")],
    "many that are not large": [
        *(node("ConstantOfShape", "large", f"l{index}") for index in range(100)),
        node("Identity", "l99", "c"),
    ],
    "many turns": [
        node("Transpose", f"{'x' if index == 0 else f't{index}'}", f"t{index + 1}", perm=[1, 0])
        for index in range(2000)
    ],
}


@pytest.mark.parametrize("what", HUGE)
def test_a_small_file_that_asks_for_a_huge_tensor_is_refused(what: str) -> None:
    width = 2**16 if what == "many turns" else 4
    constants: dict[str, Any] = {
        "zero": np.int64(0),
        "one": np.int64(1),
        "giant": np.int64(2**50),
        "shape": np.array([2**20, 2**20]),
        "large": np.array([2**20]),
        "row": np.ones((1, 3000), np.float32),
        "column": np.ones((3000, 1), np.float32),
        "positions": np.zeros(3000, np.int64),
        "c0": np.ones(1000, np.float32),
    }
    used = {name for one in HUGE[what] for name in one.input}
    data = model(
        [*HUGE[what], node("Relu", "x", "y")],
        (1, width),
        **{name: value for name, value in constants.items() if name in used},
    )
    with pytest.raises(Unsupported, match=r"O-SHAPE|O-CONSTANT"):
        from_onnx(data)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_file_never_ends_in_anything_but_our_own_errors(data: st.DataObject) -> None:
    whole = bytearray(SMALL)
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BadModel):
        from_onnx(bytes(whole))


def test_a_float_graph_is_written_with_the_same_numbers_and_the_same_bytes(
    net: tuple[torch.nn.Module, tuple[int, int, int]],
) -> None:
    graph = replace(from_onnx(exported(*net)), metadata={"edgestill": "{}"})
    data = to_onnx(graph)
    assert data == to_onnx(graph)
    onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)
    x = noise(2, *net[1])
    (wanted,) = run_float(graph, [channels_last(x)])
    np.testing.assert_allclose(onnx_runs(data, x), wanted, atol=1e-5 * np.abs(wanted).max())
    assert from_onnx(data) == graph


@pytest.mark.parametrize("name", ["ic_int8", "kws_int8"])
@pytest.mark.parametrize("activations", ["uint8", "int8"])
def test_somebody_s_integer_tflite_comes_back_from_qdq_with_every_integer(name: str, activations: Any) -> None:
    graph = renumbered(canonical(from_tflite((MLPERF / f"{name}.tflite").read_bytes(), name)))
    data = to_onnx(graph, activations)
    onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)
    assert from_onnx(data) == graph
    assert not differences(from_onnx(data), graph)


def test_onnx_runtime_optimises_a_qdq_file_and_gives_nearly_the_same() -> None:
    graph = from_tflite((MLPERF / "ic_int8.tflite").read_bytes(), "ic")
    scale, output = (graph.tensors[name].quantization for name in (*graph.inputs, *graph.outputs))
    assert scale is not None and output is not None
    integers = np.random.default_rng(0).integers(-128, 128, (4, 32, 32, 3)).astype(np.int8)
    (wanted,) = run_integer(graph, [integers])
    found = onnx_runs(to_onnx(graph), np.ascontiguousarray(scale.dequantize(integers).transpose(0, 3, 1, 2)))
    assert np.abs(found - output.dequantize(wanted)).max() <= 2.5 * output.per_tensor_scale


def quantized(data: bytes, folder: Path, **options: Any) -> bytes:
    """The same model, quantized by ONNX Runtime's own tool on noise."""
    quantization = pytest.importorskip("onnxruntime.quantization")
    made = onnx.load_model_from_string(data)
    shape = [dim.dim_value or 1 for dim in made.graph.input[0].type.tensor_type.shape.dim]

    class Noise(quantization.CalibrationDataReader):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.left = [{made.graph.input[0].name: noise(*shape, seed=seed)} for seed in range(8)]

        def get_next(self) -> Any:
            return self.left.pop() if self.left else None

    (folder / "float.onnx").write_bytes(data)
    quantization.quantize_static(
        str(folder / "float.onnx"), str(folder / "int.onnx"), Noise(), per_channel=True, **options
    )
    return (folder / "int.onnx").read_bytes()


@pytest.mark.parametrize("name", ["ds-cnn", "mobilenet-v2"])
def test_a_file_that_onnx_runtime_quantized_is_an_integer_graph(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    made = trained(build(name, (16, 16, 3), 4, {}), (3, 16, 16))
    data = quantized(exported(made, (3, 16, 16)), tmp_path)
    graph = from_onnx(data)
    assert graph.is_integer()
    x = noise(4, 3, 16, 16)
    scale, output = (graph.tensors[name].quantization for name in (*graph.inputs, *graph.outputs))
    assert scale is not None and output is not None
    (found,) = run_integer(graph, [scale.quantize(channels_last(x))])
    np.testing.assert_allclose(output.dequantize(found), onnx_runs(data, x), atol=6 * output.per_tensor_scale)


def test_a_tensor_that_is_read_both_rounded_and_not_is_refused() -> None:
    nodes = [
        node("Relu", "x", "a"),
        node("QuantizeLinear", "a s z", "b"),
        node("DequantizeLinear", "b s z", "c"),
        node("Add", "a c", "y"),
    ]
    with pytest.raises(Unsupported, match="O-QUANTIZATION .* others read as float"):
        from_onnx(model(nodes, (1, 4), s=np.float32(0.1), z=np.uint8(3)))


def test_a_tensor_that_stays_float_between_integers_is_named() -> None:
    nodes = [
        node("QuantizeLinear", "x s z", "a"),
        node("DequantizeLinear", "a s z", "b"),
        node("Softmax", "b", "c"),
        node("Relu", "c", "y"),
    ]
    with pytest.raises(Unsupported, match="O-QUANTIZATION .* float in a quantized file: 'c'"):
        from_onnx(model(nodes, (1, 4), s=np.float32(0.1), z=np.uint8(3)))


def test_two_scales_of_one_tensor_are_a_layer_between_them() -> None:
    nodes = [
        node("QuantizeLinear", "x s z", "a"),
        node("DequantizeLinear", "a s z", "b"),
        node("QuantizeLinear", "b t z", "c"),
        node("DequantizeLinear", "c t z", "y"),
    ]
    graph = from_onnx(model(nodes, (1, 4), s=np.float32(0.1), t=np.float32(0.3), z=np.uint8(3)))
    assert graph.count() == {"Quantize": 1}
    assert from_onnx(to_onnx(graph)) == graph


def test_onnx_is_told_when_it_cannot_say_a_graph() -> None:
    graph = from_onnx(model([node("MaxPool", "x", "y", kernel_shape=[2, 2])], (1, 1, 4, 4)))
    mixed = replace(graph, tensors={**graph.tensors, "t1": replace(graph.tensors["t1"], shape=(1, 3, 3))})
    with pytest.raises(Unsupported, match="O-RANK  y: 3 axes"):
        to_onnx(mixed)
    assert isinstance(graph.nodes[0].operator, MaxPool2d)
