"""Nets whose input is free in more axes than the batch: refused with the axis named, and carried at a given shape."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgestill.__main__ import main
from edgestill.pipeline.errors import BadModel
from edgestill.pipeline.graph.fixed_shape import with_shape
from edgestill.pipeline.graph.from_onnx import from_onnx


def net(*shape: Any) -> bytes:
    """A convolution, a mean over all positions and a dense layer, which take images of any size."""
    random = np.random.default_rng(0)
    constants = {"w": random.normal(size=(4, 3, 3, 3)), "v": random.normal(size=(4, 2))}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("GlobalAveragePool", ["b"], ["c"]),
        helper.make_node("Flatten", ["c"], ["d"]),
        helper.make_node("Gemm", ["d", "v"], ["y"]),
    ]
    ports = (
        (helper.make_tensor_value_info("x", TensorProto.FLOAT, shape),),
        (helper.make_tensor_value_info("y", TensorProto.FLOAT, [shape[0], 2]),),
    )
    weights = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "net", *ports, weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(made.SerializeToString())


def test_a_free_axis_is_named_with_the_flag_that_fixes_it() -> None:
    with pytest.raises(BadModel, match=r"'x' \(\?x3x\?x\?\) is free in axis 2 'height', 3; .* --shape 1,3,N,N"):
        from_onnx(net("batch", 3, "height", None), "net.onnx")


def test_a_free_batch_becomes_one_by_itself() -> None:
    graph = from_onnx(net("batch", 3, 8, 8))
    assert graph.tensors[graph.inputs[0]].shape == (1, 8, 8, 3)


def test_a_given_shape_makes_the_same_graph_as_an_export_of_that_shape() -> None:
    assert from_onnx(with_shape(net("batch", 3, "height", "width"), (1, 3, 8, 6))) == from_onnx(net(1, 3, 8, 6))


@pytest.mark.parametrize("shape", [(1, 4, 8, 8), (1, 3, 8), (8, 3, 8, 8)])
def test_a_shape_that_does_not_fit_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadModel, match=r"--shape .* does not fit|fixed batch of 8"):
        from_onnx(with_shape(net(None, 3, "height", "width"), shape))


def test_quantize_and_verify_take_a_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.onnx").write_bytes(net("batch", 3, "height", "width"))
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).normal(size=(40, 3, 8, 8)).astype(np.float32))
    monkeypatch.chdir(tmp_path)
    quantize: Callable[..., int] = lambda *more: main(["quantize", "net.onnx", "--data", "x.npz", *more])  # noqa: E731
    assert quantize() == 2
    assert "--shape 1,3,N,N" in capsys.readouterr().err
    assert quantize("--shape", "1,3,8,8") == 0
    assert {path.name for path in tmp_path.glob("net.*")} == {
        "net.onnx",
        "net.int8.onnx",
        "net.int8.tflite",
        "net.float.tflite",
    }
    assert main(["verify", "net.onnx", "net.float.tflite", "--shape", "1,3,8,8"]) == 0
