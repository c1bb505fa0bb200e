"""The shipped recipe for CIFAR-10, on generated images in a minute: the data themselves cannot be shipped."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

from edgestill.pipeline.errors import EdgestillError
from edgestill.pipeline.recipe import read_recipe

SMALLER = {  # the recipe's own tables, in a budget for a test
    r"epochs = \d+": "epochs = 1",
    r"warmup = \d+\n": "",
    r"views = \d+": "views = 2",
    r"batch = \d+": "batch = 32",
    r"width = \d+": "width = 4",
    r"widths = \[.*\], blocks = \d": "widths = [8, 8], blocks = 1",
    r"ratio = 0.25": "ratio = 0.25\nround_to = 4",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with colour images in ten classes, as the binary version keeps them, and the recipe beside it."""
    random = np.random.default_rng(0)
    (tmp_path / "cifar-10-batches-bin").mkdir()
    for name, count in (("data_batch_1", 160), ("test_batch", 60)):
        y = (np.arange(count) % 10).astype(np.uint8)
        planes = 25 * y[:, None, None] + random.integers(0, 30, (count, 3, 1024)) * np.array([[[1], [2], [3]]])
        raw = np.concatenate([y[:, None], planes.clip(0, 255).reshape(count, -1).astype(np.uint8)], axis=1)
        (tmp_path / "cifar-10-batches-bin" / f"{name}.bin").write_bytes(raw.tobytes())
    text = read_recipe("cifar10").path.read_text()
    for pattern, smaller in SMALLER.items():
        text, found = re.subn(pattern, smaller, text)
        assert found, pattern
    (tmp_path / "own.toml").write_text(text + "runs = 5\nwarmup = 1\nseconds = 0.1\n")
    return tmp_path


def test_the_whole_recipe_runs_on_colour_images(folder: Path, edgestill: Callable[..., CompletedProcess[str]]) -> None:
    ended = edgestill(["run", str(folder / "own.toml"), "--out", str(folder / "out")], folder / "store")
    assert ended.returncode == 0, ended.stderr
    report = json.loads((folder / "out" / "report.json").read_text())
    assert report["data"].startswith("cifar10 cifar-10-batches-bin ")
    roles = {file["role"] for variant in report["variants"] for file in variant["files"]}
    assert roles == {"float onnx", "float tflite", "int8 onnx", "int8 tflite", "int8 c"}
    assert report["parity"] and all(parity["passed"] for parity in report["parity"])


def test_a_shipped_recipe_looks_for_the_user_s_files_where_one_works(
    tmp_path: Path, edgestill: Callable[..., CompletedProcess[str]]
) -> None:
    assert read_recipe("cifar10").folder == Path()
    ended = edgestill(["run", "cifar10", "--out", str(tmp_path / "out")], tmp_path / "store")
    assert ended.returncode == EdgestillError.exit_code and "Traceback" not in ended.stderr
    assert "cifar-10-batches-bin: no such file or folder" in ended.stderr and "cifar-10-binary.tar.gz" in ended.stderr
    assert str(tmp_path) in ended.stderr.replace("\n", "")
