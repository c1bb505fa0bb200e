"""Model files run for their numbers in a child process: what runtimes give, refuse, and how they die."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgestill.pipeline.errors import BadInput, BadModel, RuntimeDied
from edgestill.pipeline.graph.flatbuffer import pack
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.runtimes.runtime import Port, Runtime, arena_bytes, describe, run

KWS = Path(__file__).parent / "cases" / "mlperf-tiny" / "kws_int8.tflite"
KWS_FLOAT = KWS.with_name("kws_fp32.tflite")


@pytest.fixture(scope="module")
def sounds() -> NDArray[np.int8]:
    return np.random.default_rng(0).integers(-128, 128, (3, 49, 10, 1)).astype(np.int8)


@pytest.fixture(scope="module")
def onnx_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """y = relu(x @ w), with any batch."""
    weights = numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(3, 2) - 2, "w")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Relu", ["h"], ["y"])]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size]) for name, size in (("x", 3), ("y", 2))]
    graph = helper.make_graph(nodes, "tiny", ports[:1], ports[1:], [weights])
    path = tmp_path_factory.mktemp("onnx") / "tiny.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_reference_kernels_micro_and_numpy_agree_on_every_tensor(sounds: NDArray[np.int8]) -> None:
    runtimes: tuple[Runtime, ...] = ("tflite-micro", "numpy", "litert-reference")
    micro, *others = (run(KWS, [sounds], runtime, every_tensor=True) for runtime in runtimes)
    assert len(micro.tensors) == 13
    for other in others:
        assert other.tensors.keys() == micro.tensors.keys()
        for name, tensor in micro.tensors.items():
            np.testing.assert_array_equal(other.tensors[name], tensor)
        np.testing.assert_array_equal(other.outputs[0], micro.outputs[0])


def test_litert_s_own_kernels_give_the_outputs_and_no_tensors(sounds: NDArray[np.int8]) -> None:
    given = run(KWS, [sounds], "litert")
    assert given.outputs[0].shape == (3, 12)
    assert given.outputs[0].dtype == np.int8
    assert given.tensors == {}
    assert given.facts["runtime"] == "litert"
    with pytest.raises(BadModel, match="litert-reference"):
        run(KWS, [sounds], "litert", every_tensor=True)


def test_onnx_runtime_takes_any_batch_and_keeps_every_tensor(onnx_file: Path) -> None:
    x = np.random.default_rng(0).standard_normal((70, 3)).astype(np.float32)
    weights = np.arange(6, dtype=np.float32).reshape(3, 2) - 2
    given = run(onnx_file, [x], "onnxruntime", every_tensor=True)
    np.testing.assert_allclose(given.tensors["h"], x @ weights, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(given.outputs[0], np.maximum(given.tensors["h"], 0))
    assert len(given.outputs) == 1
    np.testing.assert_allclose(run(onnx_file, [x], "onnxruntime").outputs[0], given.outputs[0], rtol=1e-5, atol=1e-5)


def test_the_arena_is_head_and_tail() -> None:
    arena = arena_bytes(KWS)
    assert arena.total == arena.head + arena.tail
    assert arena.head >= 16_000  # the two largest tensors that live together: 25 x 5 x 64 each


def test_an_interface_is_read_without_running_the_file(onnx_file: Path) -> None:
    integer, floating = describe(KWS), describe(KWS_FLOAT)
    scale = from_tflite(KWS.read_bytes()).tensors["input_1"].quantization
    assert scale is not None
    assert integer.inputs == (Port("input_1", (1, 49, 10, 1), "int8", scale.per_tensor_scale, 83),)
    assert integer.outputs == (Port("Identity", (1, 12), "int8", 1 / 256, -128),)
    assert floating.inputs == (Port("input_1", (1, 49, 10, 1), "float32"),)
    assert describe(onnx_file).inputs == (Port("x", (-1, 3), "float32"),)
    assert describe(onnx_file).outputs == (Port("y", (-1, 2), "float32"),)


@pytest.mark.parametrize("suffix", [".onnx", ".tflite"])
def test_an_interface_of_nonsense_is_a_bad_model(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"nonsense{suffix}"
    for data in (b"", b"nonsense", bytes(100)):
        path.write_bytes(data)
        with pytest.raises(BadModel, match=path.name):
            describe(path)


def test_a_refusal_repeats_the_runtime_s_own_words(tmp_path: Path, sounds: NDArray[np.int8]) -> None:
    with pytest.raises(BadModel, match=r"kws_fp32.tflite: tflite-micro refuses it while opening the file.*\n.*Hybrid"):
        run(KWS_FLOAT, [sounds.astype(np.float32)], "tflite-micro")
    with pytest.raises(BadModel, match="litert refuses it while running sample 0 of 3: .*expected type FLOAT32"):
        run(KWS_FLOAT, [sounds], "litert")
    nonsense = tmp_path / "nonsense.onnx"
    nonsense.write_bytes(b"nonsense")
    with pytest.raises(BadModel, match="onnxruntime refuses it while opening the file"):
        run(nonsense, [sounds], "onnxruntime")


def test_an_operator_that_micro_does_not_have_is_named(tmp_path: Path, sounds: NDArray[np.int8]) -> None:
    path = tmp_path / "gelu.tflite"
    path.write_bytes(edited(to_gelu))
    with pytest.raises(BadModel, match="GELU"):
        run(path, [sounds], "tflite-micro")


def test_a_file_that_kills_its_runtime_does_not_kill_us(tmp_path: Path, sounds: NDArray[np.int8]) -> None:
    path = tmp_path / "killer.tflite"
    path.write_bytes(edited(tensor_that_is_not_there))
    with pytest.raises(RuntimeDied, match="killer.tflite: tflite-micro was ended by SIG.* while opening the file"):
        run(path, [sounds], "tflite-micro")


def test_a_run_that_takes_too_long_is_ended(sounds: NDArray[np.int8]) -> None:
    with pytest.raises(RuntimeDied, match="kws_int8.tflite: tflite-micro took longer than 1 s while "):
        run(KWS, [np.concatenate([sounds] * 40_000)], "tflite-micro", timeout=1)


def test_the_child_ends_when_its_parent_is_killed_and_leaves_nothing(tmp_path: Path) -> None:
    program = (
        "import numpy, sys, pathlib; from edgestill.pipeline.runtimes.runtime import run;"
        "run(pathlib.Path(sys.argv[1]), [numpy.zeros((200_000, 49, 10, 1), 'int8')], 'tflite-micro')"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(KWS)], env={**os.environ, "TMPDIR": str(tmp_path)})
    wait_until(lambda: any("running" in step.read_text() for step in tmp_path.glob("*/step")))
    parent.kill()
    parent.wait()
    wait_until(lambda: not list(tmp_path.iterdir()))


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_inputs_of_unlike_length_are_refused(sounds: NDArray[np.int8]) -> None:
    for inputs in ([sounds, sounds[:2]], [sounds[:0]], []):
        with pytest.raises(BadInput, match="the same number"):
            run(KWS, inputs, "numpy")


def test_a_folder_with_a_module_of_a_library_s_name_does_not_reach_the_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sounds: NDArray[np.int8]
) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit(7)")
    monkeypatch.chdir(tmp_path)
    path = Path(os.path.relpath(KWS))
    assert run(path, [sounds], "litert").outputs[0].shape == (3, 12)


def edited(edit: Callable[[Any], None]) -> bytes:
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(KWS.read_bytes(), 0))
    edit(model)
    return pack(model)


def to_gelu(model: Any) -> None:
    entry = next(
        entry for entry in model.operatorCodes if entry.deprecatedBuiltinCode == schema.BuiltinOperator.SOFTMAX
    )
    entry.builtinCode, entry.deprecatedBuiltinCode = schema.BuiltinOperator.GELU, 127


def tensor_that_is_not_there(model: Any) -> None:
    model.subgraphs[0].operators[0].inputs = [1 << 20, 1, 2]
