"""The main job in full, on MNIST-5k: minutes, so it runs at night."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1800)]


def test_the_quickstart_ends_with_files_that_agree_and_a_second_run_does_nothing(
    tmp_path: Path, edgestill: Callable[..., Any]
) -> None:
    command = ["run", "quickstart", "--out", str(tmp_path / "out"), "--json"]
    first = edgestill(command, tmp_path / "store")
    assert first.returncode == 0, first.stderr
    report = json.loads(first.stdout)
    assert [len(row["test"]) for row in report["variants"]] == [1, 3, 3, 3, 3]
    assert all(parity["passed"] for parity in report["parity"])
    second = edgestill(command, tmp_path / "store")
    assert json.loads(second.stdout) == report
    assert "nothing to do" in second.stderr
