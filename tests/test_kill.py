"""Killed in any stage, or at any moment, with SIGKILL, the next run ends with the same bytes."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgestill.pipeline.chain import chain
from edgestill.pipeline.keeping.entry import told
from edgestill.pipeline.recipe import read_recipe
from edgestill.pipeline.scratch import PREFIX
from edgestill.pipeline.stages import name_of
from edgestill.pipeline.store import Store

SMALL = Path(__file__).parent / "cases" / "small.toml"
RUN = sorted({name_of(step.stage) for step in chain(read_recipe(SMALL)).steps})  # the stages that it goes through
EVERY_TIME = ("distill", "quantize", "export-qdq")  # one that trains, one that computes, one that writes; nightly all

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
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born deaf to it
sys.exit(main(["run", sys.argv[2], "--out", sys.argv[3]]))
"""


def ended_in(stage: str, by: signal.Signals, store: Path, out: Path) -> "subprocess.CompletedProcess[str]":
    """A run that a signal hits when the stage has written and the store has not kept it yet."""
    command = [sys.executable, "-c", KILLED, stage, str(SMALL), str(out), str(int(by))]
    return subprocess.run(command, env={**os.environ, "EDGESTILL_STORE": str(store)}, capture_output=True, text=True)


@pytest.mark.parametrize(
    "stage", [stage if stage in EVERY_TIME else pytest.param(stage, marks=pytest.mark.nightly) for stage in RUN]
)
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


def kept(store: Path) -> dict[str, str]:
    """The digest of every artifact in a store, by its key."""
    found = {entry.key: told(entry.folder) for entry in Store(store).entries()}
    return {key: artifact.sha256 for key, artifact in found.items() if artifact}


def killed_at(moment: float, folder: Path) -> bool:
    """Starts the run in an empty folder and kills it after so many seconds; whether it was still at work."""
    command = [sys.executable, "-m", "edgestill", "run", str(SMALL), "--out", str(folder / "out")]
    (folder / "temporary").mkdir(parents=True)
    variables = {"EDGESTILL_STORE": str(folder / "store"), "TMPDIR": str(folder / "temporary")}
    with subprocess.Popen(command, env={**os.environ, **variables}, stderr=subprocess.DEVNULL) as process:
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.returncode == -signal.SIGKILL


def differences(folder: Path, whole: Any, edgestill: Callable[..., Any], digests_of: Callable[..., Any]) -> list[str]:
    """What the next run leaves otherwise than an undisturbed run does."""
    again = edgestill(
        ["run", str(SMALL), "--out", str(folder / "out")], folder / "store", TMPDIR=str(folder / "temporary")
    )
    if again.returncode:
        return [again.stderr]
    halves = [*(folder / "store" / "partial").iterdir(), *(folder / "out").glob(".*partial"), *leftovers(folder)]
    same = digests_of(folder / "out") == whole.digests and kept(folder / "store") == kept(whole.store)
    return [str(half) for half in halves] + ([] if same else ["other digests"])


def leftovers(folder: Path) -> list[Path]:
    """What edgestill has left among the temporary files, once a killed run's children have had the time to end."""
    for _ in range(50):
        if not (there := list((folder / "temporary").glob(f"{PREFIX}*"))):
            return []
        time.sleep(0.1)
    return there


def killed_and_gone_on(times: int, folder: Path, whole: Any, *tools: Any) -> list[str]:
    """Kills as many runs, each at a random moment, lets each go on, and tells what differs."""
    dice, found = random.Random(2026), list[str]()
    started = time.monotonic()
    assert not killed_at(600.0, folder / "undisturbed")
    last = time.monotonic() - started
    for number in range(times):
        moment, place = dice.uniform(0.2, last), folder / str(number)
        while not killed_at(moment, place / "run"):
            moment, place = moment / 2, place / "sooner"  # the machine was faster than before
        found += [f"killed after {moment:.2f} s: {what}" for what in differences(place / "run", whole, *tools)]
    return found


def test_killed_at_a_random_moment_the_next_run_ends_with_the_same_digests(
    whole: Any, edgestill: Callable[..., Any], digests_of: Callable[..., Any], tmp_path: Path
) -> None:
    killed_at(3.0, tmp_path / "run")
    assert differences(tmp_path / "run", whole, edgestill, digests_of) == []


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_killed_at_fifty_random_moments_every_run_ends_with_the_same_digests(
    whole: Any, edgestill: Callable[..., Any], digests_of: Callable[..., Any], tmp_path: Path
) -> None:
    assert killed_and_gone_on(50, tmp_path, whole, edgestill, digests_of) == []
