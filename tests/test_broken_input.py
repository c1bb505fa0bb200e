"""Every broken input gives one clear message, exit code 2, and no traceback; each case is a file in cases/broken."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgestill.__main__ import main

CASES = sorted((Path(__file__).parent / "cases" / "broken").glob("*.toml"))
INT8 = Path(__file__).parent / "cases" / "mlperf-tiny" / "ic_int8.tflite"


def array(shape: list[int], fill: str = "random") -> Any:
    if fill == "object":
        return np.array([{"a": 1}] * shape[0], dtype=object)
    if fill in ("labels", "high labels"):
        return np.full(shape, 99 if fill == "high labels" else 0, np.int64)
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    if fill == "nan":
        values[0] = np.nan
    return values


def net(size: int, channels: int = 1) -> bytes:
    """One convolution, channels first, as ONNX."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", channels, size, size])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2, size - 2, size - 2])
    w = helper.make_tensor("w", TensorProto.FLOAT, [2, channels, 3, 3], [0.1] * (18 * channels))
    conv = helper.make_node("Conv", ["x", "w"], ["y"])
    return serialized([conv], [x], [y], [w])


def serialized(nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: list[Any]) -> bytes:
    graph = helper.make_graph(nodes, "g", inputs, outputs, constants)
    return bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    )


def lstm() -> bytes:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 1, 4])
    w = helper.make_tensor("w", TensorProto.FLOAT, [1, 16, 8], [0.1] * 128)
    r = helper.make_tensor("r", TensorProto.FLOAT, [1, 16, 4], [0.1] * 64)
    return serialized([helper.make_node("LSTM", ["x", "w", "r"], ["y"], hidden_size=4)], [x], [y], [w, r])


def two_inputs() -> bytes:
    a, b, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 8, 8]) for name in "aby")
    return serialized([helper.make_node("Add", ["a", "b"], ["y"])], [a, b], [y], [])


def model(kind: str) -> bytes:
    makers = {
        "empty": lambda: b"",
        "garbage": lambda: bytes(np.random.default_rng(1).integers(0, 256, 4096, np.uint8)),
        "truncated": lambda: net(8)[:60],
        "lstm": lstm,
        "two-inputs": two_inputs,
        "tiny": lambda: net(8),
        "square": lambda: net(3, channels=3),
        "int8": INT8.read_bytes,
    }
    return makers[kind]()


def lay_out(case: dict[str, Any], folder: Path) -> None:
    for name, text in case.get("files", {}).items():
        (folder / name).write_text(text)
    for name, arrays in case.get("arrays", {}).items():
        np.savez(folder / name, **{key: array(**spec) for key, spec in arrays.items()})
    for name, kind in case.get("models", {}).items():
        (folder / name).write_bytes(model(kind))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_broken_input_is_one_clear_message_and_exit_code_2(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case = tomllib.loads(path.read_text())
    lay_out(case, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGESTILL_STORE", str(tmp_path / "store"))
    try:
        code: Any = main(case["argv"])
    except SystemExit as ended:
        code = ended.code
    printed = capsys.readouterr()
    assert code == 2, printed.err
    assert not printed.out
    assert "Traceback" not in printed.err and "edgestill" in printed.err
    for words in case["says"]:
        assert words in printed.err
    assert len(printed.err.strip().splitlines()) <= 3
    assert not (tmp_path / "runs").exists()


def test_there_are_at_least_forty_cases() -> None:
    assert len(CASES) >= 40


def test_the_message_and_the_code_reach_the_shell(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edgestill", "run", "nowhere.toml"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})
    assert ended.returncode == 2
    assert ended.stderr.startswith("edgestill: nowhere.toml: no such recipe file")
    assert not ended.stdout


def test_the_models_for_the_cases_are_what_they_say() -> None:
    onnx.checker.check_model(onnx.load_from_string(net(8)))
    onnx.checker.check_model(onnx.load_from_string(lstm()))
