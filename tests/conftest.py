"""What several tests share: a whole run of the smallest recipe, made once, and the commands as a shell calls them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

SMALL = Path(__file__).parent / "cases" / "small.toml"


@dataclass(frozen=True)
class WholeRun:
    """An undisturbed run of the smallest recipe: its output folder, its store, and the digests of its files."""

    out: Path
    store: Path
    digests: dict[str, str]


def digests(out: Path) -> dict[str, str]:
    """The digests of the files that a run handed over, as its report tells them."""
    report = json.loads((out / "report.json").read_text())
    return {f"{row['name']} {file['role']}": file["sha256"] for row in report["variants"] for file in row["files"]}


def shell(arguments: list[str], store: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`edgestill ARGUMENTS` as a shell runs it."""
    command = [sys.executable, "-m", "edgestill", *arguments]
    variables = {**os.environ, "EDGESTILL_STORE": str(store), **environment}
    return subprocess.run(command, env=variables, capture_output=True, text=True, cwd=store.parent)


@pytest.fixture(scope="session")
def edgestill() -> Callable[..., subprocess.CompletedProcess[str]]:
    return shell


@pytest.fixture(scope="session")
def digests_of() -> Callable[[Path], dict[str, str]]:
    return digests


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> WholeRun:
    folder = tmp_path_factory.mktemp("whole")
    ended = shell(["run", str(SMALL), "--out", str(folder / "out")], folder / "store")
    assert ended.returncode == 0, ended.stderr
    return WholeRun(folder / "out", folder / "store", digests(folder / "out"))


@pytest.fixture
def store_without(whole: WholeRun, tmp_path: Path) -> Callable[[set[str]], Path]:
    """A copy of the whole run's store that has forgotten everything the named stages made."""

    def copy(stages: set[str]) -> Path:
        store = tmp_path / "store"
        shutil.copytree(whole.store, store)
        for file in store.glob("entries/*/*/entry.json"):
            if json.loads(file.read_text())["lineage"]["stage"] in stages:
                shutil.rmtree(file.parent)
        return store

    return copy
