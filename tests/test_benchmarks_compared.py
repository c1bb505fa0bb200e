"""`verify` on a run folder and on a checkpoint; and files whose reading kills a process."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgestill.__main__ import main

KILLER = """
import os, signal, sys
if "edgestill.pipeline.runtimes.child" in sys.orig_argv:
    os.kill(os.getpid(), signal.SIGSEGV)
"""


def compared(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[tuple[str, str]]:
    """The names of what was compared and passed."""
    assert main(["verify", *arguments, "--json"]) == 0
    return [(row["first"], row["second"]) for row in json.loads(capsys.readouterr().out)["compared"] if row["passed"]]


def test_a_run_folder_alone_is_held_against_itself_from_torch_to_int8(
    whole: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    found = compared(capsys, str(whole.out))
    assert ("model.safetensors", "model.onnx") in found and ("model.onnx", "model.tflite") in found
    assert ("model.int8.tflite", "model.int8.onnx") in found
    assert {first for first, _ in found} >= {f"{name}.safetensors" for name in ("teacher", "scratch", "distilled")}


def test_a_run_folder_stands_for_its_model_in_the_precision_of_the_other_file(
    whole: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    others = [str(whole.out / name) for name in ("model.int8.onnx", "model.tflite")]
    found = compared(capsys, str(whole.out), *others)
    assert [first for first, _ in found] == ["out/model.int8.tflite", "out/model.onnx"]


def test_a_checkpoint_stands_first(whole: Any, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(whole.out / name) for name in ("teacher.safetensors", "teacher.onnx", "teacher.tflite")]
    assert compared(capsys, *files) == [("teacher.safetensors", name) for name in ("teacher.onnx", "teacher.tflite")]


def test_another_net_s_checkpoint_fails(whole: Any) -> None:
    files = [str(whole.out / name) for name in ("scratch.safetensors", "distilled.onnx")]
    assert main(["verify", *files]) == 1


def test_a_changed_file_of_a_run_folder_is_named(
    whole: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(whole.out, tmp_path / "run")
    model = tmp_path / "run" / "model.onnx"
    model.write_bytes(model.read_bytes() + b"\0")
    assert main(["verify", str(tmp_path / "run")]) == 1
    assert "not the files that its report tells of: model.onnx" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["model.onnx"], "one file is nothing to compare"),
        (["."], "report.json: not a report"),
        (["model.onnx", "model.safetensors"], "may stand first only"),
        (["model.onnx", "."], "may stand first only"),
    ],
)
def test_what_cannot_be_compared_is_told(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["verify", *arguments]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", [["verify", "net.onnx", "other.tflite"], ["quantize", "net.onnx", "--data", "digits"]]
)
def test_a_file_that_kills_its_reader_is_named_and_we_live(
    command: list[str], whole: Any, tmp_path: Path, edgestill: Callable[..., Any]
) -> None:
    (tmp_path / "killer").mkdir()
    (tmp_path / "killer" / "sitecustomize.py").write_text(KILLER)
    shutil.copyfile(whole.out / "teacher.onnx", tmp_path / "net.onnx")
    shutil.copyfile(whole.out / "teacher.tflite", tmp_path / "other.tflite")
    ended = edgestill(command, tmp_path / "store", PYTHONPATH=str(tmp_path / "killer"))
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    assert ended.stderr.startswith("edgestill: net.onnx: numpy was ended by SIGSEGV")
