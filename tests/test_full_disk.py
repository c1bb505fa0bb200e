"""On a disk that is really full every command says where and what to do, ends with 2, and leaves no half file."""

import json
import os
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgestill.pipeline.artifact import digest
from edgestill.targets.emulation import tools
from edgestill.tests.wanted import want

BLOCK = 4096
OTHERS = (".lock", ".keys", ".ses")  # the store's own small files, and one of ONNX Runtime's
SMALL = Path(__file__).parent / "cases" / "small.toml"
INSIDE = """
mount -t tmpfs -o size=$SIZE,mode=700 tmpfs "$DISK" || exit 99
cp -a "$BEFORE/." "$DISK"
"$@"
code=$?
cp -a "$DISK/." "$AFTER"
exit $code
"""


@dataclass(frozen=True)
class Ended:
    """How a command on a small disk ended, and a copy of what it left there."""

    code: int
    said: str
    after: Path

    @property
    def files(self) -> dict[str, str]:
        """The digests of the files on the disk, by name, but for OTHERS."""
        found = (file for file in self.after.rglob("*") if file.is_file() and not file.name.endswith(OTHERS))
        return {str(file.relative_to(self.after)): digest(file) for file in found}


def namespace() -> list[str]:
    """The command that gives a child mounts of its own, that end with it; skips where nobody may mount."""
    for command in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"]):
        try:
            tried = subprocess.run(
                [*command, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
            )
        except FileNotFoundError:
            break
        if not tried.returncode:
            return command
    pytest.skip("a small disk cannot be mounted here; run the tests as root: sudo make test")


@pytest.fixture
def on_a_disk_of(tmp_path: Path) -> Any:
    """Runs a command whose DISK is a file system of so many bytes that holds what `before` holds."""
    disk, empty = tmp_path / "disk", tmp_path / "empty"
    for folder in (disk, empty):
        folder.mkdir()

    def run(size: int, *arguments: str, before: Path = empty, **environment: str) -> Ended:
        after = tmp_path / f"after{len(list(tmp_path.iterdir()))}"
        after.mkdir()
        places = {"SIZE": str(size), "DISK": str(disk), "BEFORE": str(before), "AFTER": str(after)}
        spelled = {name: value.replace("DISK", str(disk)) for name, value in environment.items()}
        inner = [sys.executable, "-m", "edgestill", *(part.replace("DISK", str(disk)) for part in arguments)]
        command = [*namespace(), "sh", "-c", INSIDE, "sh", *inner]
        ended = subprocess.run(command, env={**os.environ, **places, **spelled}, capture_output=True, text=True)
        assert ended.returncode != 99, ended.stderr
        return Ended(ended.returncode, ended.stdout + ended.stderr, after)

    return run


def is_told(ended: Ended, place: str, cure: str) -> bool:
    return (
        ended.code == 2
        and "no space left on the device" in ended.said
        and place in ended.said
        and cure in ended.said
        and "Traceback" not in ended.said
    )


def room_for(folder: Path) -> int:
    """The bytes of the blocks that the files of a folder take."""
    return sum(-(-file.stat().st_size // BLOCK) * BLOCK for file in folder.rglob("*") if file.is_file())


def test_a_full_store_is_told_and_holds_whole_artifacts_alone(
    on_a_disk_of: Any, whole: Any, store_without: Any, digests_of: Any, edgestill: Any, tmp_path: Path
) -> None:
    out, before = tmp_path / "out", tmp_path / "before"
    shutil.copytree(store_without({"quantize"}), before / "store")
    command = ["run", str(SMALL), "--out", str(out)]
    full = on_a_disk_of(room_for(before) + 2 * BLOCK, *command, before=before, EDGESTILL_STORE="DISK/store")
    assert is_told(full, "disk/store", "EDGESTILL_STORE"), full.said
    assert "quantize" in full.said
    assert not list((full.after / "store" / "partial").iterdir())
    assert edgestill(["store", "verify"], full.after / "store").returncode == 0
    assert edgestill(command, full.after / "store").returncode == 0
    assert digests_of(out) == whole.digests


def test_a_full_output_folder_is_told_and_gets_no_half_file(on_a_disk_of: Any, whole: Any) -> None:
    full = on_a_disk_of(60_000, "run", str(SMALL), "--out", "DISK/out", EDGESTILL_STORE=str(whole.store))
    assert is_told(full, "disk/out", "--out"), full.said
    models = {name: sha for name, sha in full.files.items() if not name.endswith(".edgestill")}
    known = {digest(file) for file in whole.out.iterdir()}
    assert models and set(models.values()) <= known


def test_a_report_that_finds_no_room_is_told_and_is_not_there(on_a_disk_of: Any, whole: Any, tmp_path: Path) -> None:
    before = tmp_path / "before"
    shutil.copytree(whole.out, before / "out")
    (before / "out" / "report.html").unlink()
    command = ["run", str(SMALL), "--out", "DISK/out"]
    full = on_a_disk_of(room_for(before) + 10 * BLOCK, *command, before=before, EDGESTILL_STORE=str(whole.store))
    assert is_told(full, "disk/out", "--out"), full.said
    kept = {file.name for file in (before / "out").rglob("*") if file.is_file()}
    assert {Path(name).name for name in full.files} == kept


def test_quantize_finds_no_room_and_leaves_nothing(on_a_disk_of: Any, whole: Any, tmp_path: Path) -> None:
    model, data = whole.out / "teacher.onnx", tmp_path / "x.npz"
    np.savez(data, x=np.random.default_rng(0).normal(size=(64, 1, 8, 8)).astype(np.float32))
    full = on_a_disk_of(16_384, "quantize", str(model), "--data", str(data), "--out", "DISK/out")
    assert is_told(full, "disk/out", "--out"), full.said
    assert not full.files


@pytest.mark.parametrize("command", ["verify", "bench"])
def test_a_full_temporary_folder_is_told(on_a_disk_of: Any, whole: Any, tmp_path: Path, command: str) -> None:
    files = [str(whole.out / "teacher.onnx"), str(whole.out / "teacher.tflite")]
    data = tmp_path / "x.npz"
    np.savez(data, x=np.zeros((4000, 8, 8, 1), np.float32))
    more = ["--data", str(data)] if command == "verify" else ["--runs", "5", "--seconds", "0.1"]
    full = on_a_disk_of(8_192, command, *files, *more, TMPDIR="DISK")
    assert is_told(full, "disk" if command == "verify" else "teacher.onnx", "TMPDIR"), full.said
    assert not full.files


def limited_to(size: int, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A command none of whose files may be larger than so many bytes."""
    command = [sys.executable, "-m", "edgestill", *arguments]
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size))
    variables = {**os.environ, **environment}
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False, preexec_fn=limit)


@pytest.mark.parametrize("size", [4_000, 30_000])
def test_a_limit_on_the_size_of_files_is_told_in_the_store(tmp_path: Path, size: int) -> None:
    store = tmp_path / "store"
    ended = limited_to(size, "run", str(SMALL), "--out", str(tmp_path / "out"), EDGESTILL_STORE=str(store))
    assert ended.returncode == 2 and "a file grows larger than files may be here" in ended.stderr, ended.stderr
    assert "ulimit -f" in ended.stderr and str(store) in ended.stderr
    assert not list((store / "partial").iterdir())


def test_a_limit_on_the_size_of_files_is_told_of_the_output_folder(whole: Any, tmp_path: Path) -> None:
    ended = limited_to(100_000, "run", str(SMALL), "--out", str(tmp_path / "out"), EDGESTILL_STORE=str(whole.store))
    assert ended.returncode == 2 and "a file grows larger than files may be here" in ended.stderr, ended.stderr
    assert "ulimit -f" in ended.stderr and not (tmp_path / "out" / "report.html").exists()


def test_a_limit_on_the_size_of_files_is_told_by_a_runtime_s_own_process(whole: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((200, 8, 8, 1), np.float32))
    files = [str(whole.out / f"teacher.{kind}") for kind in ("onnx", "tflite")]
    there = {"TMPDIR": str(tmp_path)}
    ended = limited_to(20_000, "verify", *files, "--data", str(tmp_path / "x.npz"), **there)
    assert ended.returncode == 2 and "a file grows larger than files may be here" in ended.stderr, ended.stderr
    assert "$TMPDIR" in ended.stderr and "no space" not in ended.stderr


def test_work_among_temporary_files_is_not_told_of_an_option_that_it_lacks(whole: Any, tmp_path: Path) -> None:
    want(tools.has_program(tools.GCC), "mcu", tools.BRINGS_GCC)
    want(tools.has_program(tools.QEMU), "mcu", tools.BRINGS_QEMU)
    files = [str(whole.out / "model.int8.tflite"), "--on", "emu:cortex-m4", "--json"]
    ended = limited_to(4_000, "bench", *files, TMPDIR=str(tmp_path))
    (row,) = json.loads(ended.stdout)["results"]
    said = row["error"]["message"]
    assert f"{tmp_path}: a file grows larger" in said and "$TMPDIR" in said and "--out" not in said
