"""Killed in any stage with SIGKILL, the next run ends with the same bytes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgestill.pipeline.stages import NAMES

SMALL = Path(__file__).parent / "cases" / "small.toml"

KILLED = """
import os, signal, sys
from edgestill.__main__ import main
from edgestill.pipeline.stages import stage_type

kind = stage_type(sys.argv[1])
write = kind.write

def write_and_die(self, inputs, out):
    write(self, inputs, out)
    os.kill(os.getpid(), int(sys.argv[4]))

kind.write = write_and_die
sys.exit(main(["run", sys.argv[2], "--out", sys.argv[3]]))
"""


def ended_in(stage: str, by: signal.Signals, store: Path, out: Path) -> "subprocess.CompletedProcess[str]":
    """A run that a signal hits when the stage has written and the store has not kept it yet."""
    command = [sys.executable, "-c", KILLED, stage, str(SMALL), str(out), str(int(by))]
    return subprocess.run(command, env={**os.environ, "EDGESTILL_STORE": str(store)}, capture_output=True, text=True)


@pytest.mark.parametrize("stage", NAMES)
def test_killed_in_a_stage_the_next_run_ends_with_the_same_digests(
    stage: str,
    whole: Any,
    store_without: Callable[[set[str]], Path],
    edgestill: Callable[..., Any],
    digests_of: Callable[[Path], dict[str, str]],
    tmp_path: Path,
) -> None:
    store, out = store_without({stage}), tmp_path / "out"
    assert ended_in(stage, signal.SIGKILL, store, out).returncode == -signal.SIGKILL
    assert len(list((store / "partial").iterdir())) == 1  # what the killed stage had written is there, and not kept
    again = edgestill(["run", str(SMALL), "--out", str(out)], store)
    assert again.returncode == 0, again.stderr
    assert digests_of(out) == whole.digests
    assert not list((store / "partial").iterdir())


def test_ctrl_c_says_that_the_same_command_goes_on(
    whole: Any,
    store_without: Callable[[set[str]], Path],
    edgestill: Callable[..., Any],
    digests_of: Callable[[Path], dict[str, str]],
    tmp_path: Path,
) -> None:
    store, out = store_without({"quantize"}), tmp_path / "out"
    interrupted = ended_in("quantize", signal.SIGINT, store, out)
    assert interrupted.returncode == 130
    assert "the same command goes on" in interrupted.stderr and "Traceback" not in interrupted.stderr
    assert not list((store / "partial").iterdir())
    assert edgestill(["run", str(SMALL), "--out", str(out)], store).returncode == 0
    assert digests_of(out) == whole.digests
