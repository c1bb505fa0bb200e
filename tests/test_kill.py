"""Killed in any stage with SIGKILL, the next run ends with the same bytes."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgestill.pipeline.stages import NAMES

RECIPE = Path(__file__).parent / "cases" / "small.toml"

KILLED = """
import os, signal, sys
from edgestill.__main__ import main
from edgestill.pipeline.stages import stage_type

kind = stage_type(sys.argv[1])
write = kind.write

def write_and_die(self, inputs, out):
    write(self, inputs, out)
    os.kill(os.getpid(), signal.SIGKILL)

kind.write = write_and_die
main(["run", sys.argv[2], "--out", sys.argv[3]])
"""


def edgestill_run(out: Path, store: Path, stage_to_die_in: str = "") -> int:
    """The exit code of a whole `run`, or of one that is killed when the stage has written and is not yet kept."""
    start = ["-c", KILLED, stage_to_die_in] if stage_to_die_in else ["-m", "edgestill", "run"]
    arguments = [str(RECIPE), str(out)] if stage_to_die_in else [str(RECIPE), "--out", str(out)]
    environment = {**os.environ, "EDGESTILL_STORE": str(store)}
    ended = subprocess.run([sys.executable, *start, *arguments], env=environment, capture_output=True, text=True)
    if ended.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(ended.stderr)
    return ended.returncode


def digests(out: Path) -> dict[str, str]:
    """The digests of all files that a run hands over, as its report tells them."""
    report = json.loads((out / "report.json").read_text())
    return {f"{row['name']} {file['role']}": file["sha256"] for row in report["variants"] for file in row["files"]}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A store and the digests of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    assert edgestill_run(folder / "out", folder / "store") == 0
    return folder / "store", digests(folder / "out")


def forget(store: Path, stage: str) -> int:
    """Takes every artifact of a stage out of the store, and says how many there were."""
    gone = [
        file.parent
        for file in store.glob("entries/*/*/entry.json")
        if json.loads(file.read_text())["lineage"]["stage"] == stage
    ]
    for folder in gone:
        shutil.rmtree(folder)
    return len(gone)


@pytest.mark.parametrize("stage", NAMES)
def test_killed_in_a_stage_the_next_run_ends_with_the_same_digests(
    stage: str, whole: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    before, expected = whole
    store = tmp_path / "store"
    shutil.copytree(before, store)
    made = forget(store, stage)
    assert made
    assert edgestill_run(tmp_path / "out", store, stage_to_die_in=stage) == -signal.SIGKILL
    assert len(list((store / "partial").iterdir())) == 1  # what the killed stage had written, not kept
    assert edgestill_run(tmp_path / "out", store) == 0
    assert digests(tmp_path / "out") == expected
    assert not list((store / "partial").iterdir())
