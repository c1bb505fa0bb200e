"""Every command that takes a model ends on a damaged one with a line that says why: no hang, no flood of memory."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper, numpy_helper

from edgestill.pipeline.graph.flatbuffer import pack
from edgestill.tests.command_damaged import COMMANDS, GOOD
from edgestill.tests.damaged_models import COUNT

SOME = range(4, COUNT, 75)
MOST_MEMORY = 2 * 2**30
MOST_SECONDS = 120
GIGABYTES = np.array([2**19, 2**11, 6], np.int64)  # 24 of float32


def check_told(one: dict[str, Any]) -> None:
    """What a command said is its result or one error of ours, and it took neither long nor much."""
    assert one["code"] in (0, 1, 2), one
    assert "Traceback" not in one["words"] and "a fault of ours" not in one["words"], one
    assert one["code"] != 2 or "edgestill: " in one["words"] or "✗ net." in one["words"], one
    assert one["peak"] < MOST_MEMORY and one["seconds"] < MOST_SECONDS, one


def check_survived(numbers: Iterable[int]) -> None:
    """Gives these files to every command."""
    asked = [str(number) for number in numbers]
    command = [sys.executable, "-W", "error", "-m", "edgestill.tests.command_damaged", *asked]
    ended = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_WAIT_POLICY": "passive"})
    said = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(said) == len(asked) * len(COMMANDS), f"it ended behind {said[-1:]}: {ended.stderr[-2000:]}"
    for one in said:
        check_told(one)


def test_some_damaged_files_are_told_by_every_command() -> None:
    check_survived(SOME)


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_every_damaged_file_is_told_by_every_command() -> None:
    check_survived(range(COUNT))


def expanding() -> bytes:
    """A few bytes of ONNX that make 24 GB of their input."""
    shape = numpy_helper.from_array(GIGABYTES, "shape")
    nodes = [helper.make_node("Expand", ["x", "shape"], ["much"]), helper.make_node("ReduceSum", ["much"], ["y"])]
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, lengths) for name, lengths in (("x", [1]), ("y", None))
    )
    graph = helper.make_graph(nodes, "g", [x], [y], [shape])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def with_a_huge_input(length: int) -> bytes:
    """A good TFLite file, but for the lengths of its input."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(GOOD.read_bytes(), 0))
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].shape = np.array([1, length, length, 1], np.int32)
    return pack(model)


def asks_for_much(kind: str) -> bytes:
    if kind == "an input of gigabytes":
        x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2**33]) for name in "xy")
        model = helper.make_model(helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y]))
        model.ir_version, model.opset_import[0].version = 8, 17
        return bytes(model.SerializeToString())
    return expanding() if kind == "an expansion" else with_a_huge_input(40_000)


@pytest.mark.parametrize("kind", ["an expansion", "an input of gigabytes", "an input of TFLite's"])
def test_a_small_file_that_asks_for_gigabytes_gets_none_of_them(kind: str, tmp_path: Path) -> None:
    name = "net.tflite" if kind.endswith("TFLite's") else "net.onnx"
    (tmp_path / name).write_bytes(asks_for_much(kind))
    command = [sys.executable, "-m", "edgestill", *COMMANDS["bench"](name)]
    with (tmp_path / "said").open("w") as said:
        child = subprocess.Popen(command, cwd=tmp_path, stdout=said, stderr=said)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    words = (tmp_path / "said").read_text()
    assert child.returncode == 2 and f"✗ {name}" in words
    assert kind.endswith("TFLite's") or "it asks for more memory than a file of its size gets" in words
    assert used.ru_maxrss * 1024 < MOST_MEMORY
