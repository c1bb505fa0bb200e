"""The whole house in one short run: from a recipe to numbers, files that agree, and a second run that does no work."""

import json
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SMALL = Path(__file__).parent / "cases" / "small.toml"
ROOT = Path(__file__).parent.parent
EXPORTS = {"export-onnx", "export-tflite", "calibrate", "quantize", "export-qdq", "verify", "evaluate"}


def test_a_run_leaves_files_a_report_and_a_page(whole: Any) -> None:
    names = {file.name for file in whole.out.iterdir()}
    assert {"model.int8.tflite", "model.int8.onnx", "model.tflite", "model.onnx", "model.safetensors"} <= names
    assert {"teacher.onnx", "scratch.onnx", "distilled.onnx", "report.json", "report.html"} <= names


def test_the_report_tells_of_every_variant_and_measures_every_file(whole: Any) -> None:
    report = json.loads((whole.out / "report.json").read_text())
    assert [row["name"] for row in report["variants"]] == [
        "teacher",
        "student from scratch",
        "distilled",
        "+ pruned",
        "+ int8",
    ]
    files = {file["sha256"] for row in report["variants"] for file in row["files"] if file["role"] != "int8 c"}
    assert files == {result["file"]["sha256"] for result in report["results"]}
    assert all(result["rounds_us"] and not result["error"] for result in report["results"])
    assert report["parity"][0]["passed"]


def test_the_second_run_makes_nothing_and_says_so(whole: Any, edgestill: Callable[..., Any]) -> None:
    before = (whole.out / "report.json").read_bytes()
    again = edgestill(["run", str(SMALL), "--out", str(whole.out)], whole.store)
    assert again.returncode == 0
    assert "✓" not in again.stderr and "nothing to do" in again.stderr
    assert (whole.out / "report.json").read_bytes() == before


def test_json_goes_to_standard_output_alone(whole: Any, edgestill: Callable[..., Any]) -> None:
    again = edgestill(["run", str(SMALL), "--out", str(whole.out), "--json"], whole.store)
    assert json.loads(again.stdout)["schema"] == 1
    assert "nothing to do" in again.stderr


def test_every_operator_of_the_int8_file_is_integer_and_so_are_input_and_output(whole: Any) -> None:
    from edgestill.pipeline.graph.read import read_graph
    from edgestill.pipeline.runtimes.runtime import describe

    graph = read_graph(whole.out / "model.int8.tflite")
    assert {tensor.dtype for tensor in graph.tensors.values()} <= {"int8", "int32"}
    interface = describe(whole.out / "model.int8.tflite")
    assert [port.dtype for port in (*interface.inputs, *interface.outputs)] == ["int8", "int8"]


def test_verify_passes_on_the_two_int8_files(whole: Any, edgestill: Callable[..., Any]) -> None:
    files = [str(whole.out / "model.int8.tflite"), str(whole.out / "model.int8.onnx")]
    found = edgestill(["verify", *files, "--data", "digits", "--json"], whole.store)
    assert found.returncode == 0, found.stderr
    [parity] = json.loads(found.stdout)["compared"]
    assert parity["passed"] and parity["layers"]


def test_verify_fails_on_a_file_with_one_other_weight(
    whole: Any, tmp_path: Path, edgestill: Callable[..., Any]
) -> None:
    from edgestill.pipeline.graph.read import read_graph
    from edgestill.pipeline.graph.to_tflite import to_tflite

    graph = read_graph(whole.out / "model.int8.tflite")
    tensor = next(tensor for tensor in graph.tensors.values() if tensor.data is not None and tensor.dtype == "int8")
    assert tensor.data is not None
    tensor.data.flags.writeable = True
    tensor.data.reshape(-1)[0] ^= 64
    other = tmp_path / "other.tflite"
    other.write_bytes(to_tflite(graph))
    found = edgestill(["verify", str(whole.out / "model.int8.onnx"), str(other)], whole.store)
    assert found.returncode == 1
    assert "weights: 1 of" in found.stdout


def test_quantizing_the_exported_net_gates_on_accuracy(
    whole: Any, tmp_path: Path, edgestill: Callable[..., Any]
) -> None:
    arguments = ["quantize", str(whole.out / "distilled.onnx"), "--data", "digits", "--out", str(tmp_path)]
    fine = edgestill([*arguments, "--max-drop", "100", "--json"], whole.store)
    assert fine.returncode == 0, fine.stderr
    assert {path.name for path in tmp_path.iterdir()} >= {
        "distilled.int8.tflite",
        "distilled.int8.onnx",
        "distilled.float.tflite",
    }
    shut = edgestill([*arguments, "--max-drop", "-100"], whole.store)
    assert shut.returncode == 1 and "--max-drop allows -100" in shut.stdout


def test_bench_tells_what_the_contract_says(whole: Any, edgestill: Callable[..., Any]) -> None:
    files = [str(whole.out / "model.onnx"), str(whole.out / "model.int8.tflite")]
    found = edgestill(["bench", *files, "--on", "host", "--runs", "20", "--json"], whole.store)
    assert found.returncode == 0, found.stderr
    document = json.loads(found.stdout)
    assert document["schema"] == 1 and len(document["results"]) == 2
    for result in document["results"]:
        assert set(result) >= {
            *("artifact", "target", "evidence", "runtime", "latency_us", "instructions", "cycles_estimate"),
            *("ram_bytes", "flash_bytes", "output", "telemetry", "degraded", "error"),
        }
        assert result["evidence"] == "measured" and result["latency_us"]["n"] >= 20


@pytest.mark.parametrize("name", ["one", "the other checkout"])
def test_exports_from_two_checkouts_are_the_same_bytes(
    name: str,
    whole: Any,
    tmp_path: Path,
    store_without: Callable[[set[str]], Path],
    edgestill: Callable[..., Any],
    digests_of: Callable[[Path], dict[str, str]],
) -> None:
    checkout = tmp_path / name / "edgestill"
    rubbish = shutil.ignore_patterns(".*", "runs", "build", "*.egg-info", "__pycache__", "tests")
    shutil.copytree(ROOT, checkout, ignore=rubbish)
    out = tmp_path / "out"
    made = edgestill(["run", str(SMALL), "--out", str(out)], store_without(EXPORTS), PYTHONPATH=str(checkout.parent))
    assert made.returncode == 0, made.stderr
    assert "export-onnx" in made.stderr
    assert digests_of(out) == whole.digests


def test_no_file_holds_a_path_or_a_name_of_the_machine(whole: Any) -> None:
    words = [str(ROOT), str(whole.out.parent), str(Path.home()), sys.prefix, socket.gethostname()]
    for file in filter(Path.is_file, whole.out.rglob("*")):
        content = file.read_bytes()
        assert [word for word in words if len(word) > 5 and word.encode() in content] == [], file.name
