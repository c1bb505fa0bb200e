"""A run's report whatever formats are handed over: the files that are there, their names, and the parity of the two."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SMALL = Path(__file__).parent / "cases" / "small.toml"


@pytest.mark.parametrize(
    ("exports", "suffixes"),
    [
        ('["onnx"]', {".onnx"}),
        ('["tflite"]', {".tflite"}),
        ("[]", set()),
    ],
)
def test_a_run_is_reported_whatever_formats_it_hands_over(
    exports: str,
    suffixes: set[str],
    store_without: Callable[[set[str]], Path],
    tmp_path: Path,
    edgestill: Callable[..., Any],
) -> None:
    (tmp_path / "small.toml").write_text(f"exports = {exports}\n" + SMALL.read_text())
    out = tmp_path / "out"
    ended = edgestill(["run", str(tmp_path / "small.toml"), "--out", str(out)], store_without(set()))
    assert ended.returncode == 0 and "Traceback" not in ended.stderr, ended.stderr
    assert {path.suffix for path in out.iterdir()} - {"", ".json", ".html", ".safetensors"} == suffixes
    report = json.loads((out / "report.json").read_text())
    parity = [(one["first"], one["second"], one["passed"]) for one in report["parity"]]
    assert parity == [("model.int8.tflite", "model.int8.onnx", True)] * ('"onnx"' in exports)
    assert all(row["test"] for row in report["variants"]) and (out / "report.html").is_file()


def test_times_that_somebody_changed_are_not_repeated_but_measured_anew(
    whole: Any, store_without: Callable[[set[str]], Path], tmp_path: Path, edgestill: Callable[..., Any]
) -> None:
    shutil.copytree(whole.out, tmp_path / "out")
    path = tmp_path / "out" / "report.json"
    report = json.loads(path.read_text())
    report["results"][0]["rounds_us"][0][0] = 12345.678
    path.write_text(json.dumps(report))
    again = edgestill(["run", str(SMALL), "--out", str(tmp_path / "out")], store_without(set()))
    assert again.returncode == 0 and "measuring" in again.stderr, again.stderr
    assert "12345.678" not in path.read_text()
