"""Damaged and hostile files end in a clear error or a right result: no traceback, no hang, no flood of memory."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgestill.pipeline.errors import LONGEST, BadModel, Unsupported
from edgestill.tests.damaged_models import BYTES, COUNT, damaged
from edgestill.tests.damaged_onnx import ONNX
from edgestill.tests.damaged_tflite import TFLITE

SOME = range(0, COUNT, 9)
MOST_MEMORY = 2 * 2**30
RIGHT = ("refused", "read, and right", "read, not finite", "read, and refused by its runtime")


def check_survived(numbers: Iterable[int]) -> None:
    """Reads these files one after the other in a process, which a file that takes 30 seconds ends."""
    asked = [str(number) for number in numbers]
    command = [sys.executable, "-W", "error", "-m", "edgestill.tests.read_damaged", *asked]
    ended = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_WAIT_POLICY": "passive"})
    said = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [str(one["number"]) for one in said] == asked, f"it ended behind {said[-1:]}: {ended.stderr[-2000:]}"
    wrong = [one for one in said if not one["outcome"].startswith(RIGHT)]
    assert not wrong, "\n".join(f"{one['number']} {one['what']}: {one['outcome']} {one['words']}" for one in wrong)
    for one in said:
        lines = one["words"].splitlines()
        assert one["peak"] < MOST_MEMORY, one
        assert not one["outcome"].startswith("refused") or lines[0].startswith("net."), one
        assert all(line.isprintable() and len(line) < LONGEST + 10 for line in lines), one


def test_some_damaged_files_are_refused_or_read_right() -> None:
    check_survived(SOME)


@pytest.mark.nightly
def test_every_damaged_file_is_refused_or_read_right() -> None:
    check_survived(range(COUNT))


def test_every_way_of_harm_is_among_the_files() -> None:
    assert 2 * (len(BYTES) + max(len(ONNX), len(TFLITE))) <= COUNT
    assert damaged(7) == damaged(7)


@pytest.mark.parametrize("number", [10, 13])
def test_a_damaged_file_is_one_message_and_exit_code_2_at_the_shell(
    number: int, edgestill: Callable[..., Any], tmp_path: Path
) -> None:
    made = damaged(number)
    (tmp_path / f"net{made.ending}").write_bytes(made.data)
    np.savez(tmp_path / "x.npz", x=np.zeros((2, 8, 8, 1), np.float32))
    for command in (["quantize", f"net{made.ending}", "--data", "x.npz"], ["verify", *[f"net{made.ending}"] * 2]):
        ended = edgestill(command, tmp_path / "store")
        assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr
        assert ended.stderr.startswith(f"edgestill: net{made.ending}: ")


def test_what_a_file_says_cannot_steer_a_terminal_or_flood_it() -> None:
    error = Unsupported("net.onnx", ["O-OP-UNKNOWN  node '\x1b[2J': " + "n" * 10_000])
    assert "\\x1b[2J" in str(error) and error.reasons[0].isprintable()
    assert max(map(len, str(error).splitlines())) < LONGEST + 10
    assert str(BadModel("ключ\tзамок")) == "ключ\\tзамок"
