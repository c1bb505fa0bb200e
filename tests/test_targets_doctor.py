"""The doctor on machines that lack things: it names each of them, and a cure that fits the Python that asks."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import edgestill
from edgestill.pipeline.data import spam
from edgestill.targets.setup import doctor, installation, parts
from edgestill.targets.setup.parts import FILES, PACKAGES, Files, Package

ROOT = Path(edgestill.__file__).resolve().parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BARE = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from edgestill.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def distributions(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=; ]", line)[0] for line in requirements}


def test_the_table_names_what_every_installation_brings() -> None:
    assert {package.name for package in PACKAGES if package.needed} == distributions(PYPROJECT["dependencies"])


def test_the_table_names_what_each_extra_brings() -> None:
    brought = {
        extra: distributions(lines) for extra, lines in PYPROJECT["optional-dependencies"].items() if extra != "dev"
    }
    told: dict[str, set[str]] = {}
    for package in PACKAGES:
        if package.extra:
            told.setdefault(package.extra, set()).add(package.name)
    assert told == brought


def test_the_table_looks_for_the_mails_where_their_reader_does() -> None:
    [mails] = [files for files in FILES if files.serves == "the data set spam"]
    assert mails.path.name == spam.ARCHIVE and f"{spam.PACKAGE}@{spam.SOURCE.version}" in mails.cure


@pytest.fixture
def bare(tmp_path: Path) -> Any:
    """Runs edgestill in a Python that sees the standard library alone."""
    (tmp_path / "edgestill").symlink_to(ROOT)

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-I", "-S", "-c", BARE, str(tmp_path), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def test_where_nothing_is_installed_every_missing_part_and_its_cure_are_named(bare: Any) -> None:
    ended = bare("doctor", "--json")
    assert ended.returncode == 3 and not ended.stderr
    findings = {finding["what"]: finding for finding in json.loads(ended.stdout)["findings"]}
    for package in PACKAGES:
        finding = findings[package.name]
        assert finding["found"] is None and finding["needed"] == package.needed
        assert finding["healthy"] != package.needed
        assert f"-m pip install -e {ROOT}" in finding["cure"].replace("'", "")
        assert f"[{package.extra}]" in finding["cure"] or package.needed
    assert findings["Python"]["healthy"]
    text = bare("doctor").stdout
    assert all(re.search(rf"^[✗–] {re.escape(package.name)} +missing", text, re.M) for package in PACKAGES)


def test_where_nothing_is_installed_other_commands_name_the_cure(bare: Any) -> None:
    ended = bare("store", "list")
    assert ended.returncode == 3 and "Traceback" not in ended.stderr
    assert f"is missing; install it with: {sys.executable} -m pip install -e {ROOT}" in ended.stderr


def test_a_python_without_pip_is_told_how_to_get_it(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    (tmp_path / "edgestill").symlink_to(ROOT)
    command = [str(venv / "bin" / "python"), "-I", "-c", BARE, str(tmp_path), "doctor", "--json"]
    before = subprocess.run(command, capture_output=True, text=True, check=False)
    [pip] = [finding for finding in json.loads(before.stdout)["findings"] if finding["what"] == "pip"]
    subprocess.run(pip["cure"], shell=True, check=True, capture_output=True)
    after = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "pip" not in [finding["what"] for finding in json.loads(after.stdout)["findings"]]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed distribution of ours for tests, whose import fails."""
    (tmp_path / "brittle-1.2.dist-info").mkdir()
    (tmp_path / "brittle-1.2.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: brittle\nVersion: 1.2\n")
    (tmp_path / "brittle.py").write_text("raise ImportError('libmissing.so.6: cannot open shared object file')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(doctor, "PACKAGES", (Package("brittle", "tests", "brittle"),))
    return tmp_path


def found(what: str) -> doctor.Finding:
    [finding] = [finding for finding in doctor.examine() if finding.what == what]
    return finding


def test_a_package_that_is_there_and_cannot_be_imported_is_told_with_its_words(fake: Path) -> None:
    finding = found("brittle")
    assert finding.found == "1.2" and not finding.healthy
    assert finding.problem and "libmissing.so.6" in finding.problem
    assert finding.cure.endswith("-m pip install --force-reinstall --no-deps brittle")


def test_a_package_that_is_too_old_is_told(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "wanted", lambda: {"brittle": ">=1.3"})
    finding = found("brittle")
    assert (finding.problem, finding.healthy) == (">=1.3 is wanted", False)


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [
        ("2.13.0+cpu", ">=2.6", True),
        ("2.5.1", ">=2.6", False),
        ("0.25.0", "==0.25.0", True),
        ("0.25.1", "==0.25.0", False),
        ("2", ">=2.0.0", True),
        ("0.dev20261023182759", ">=0.dev20250101", True),
        ("1.0", "", True),
    ],
)
def test_a_version_is_held_against_what_is_wanted(version: str, wanted: str, fits: bool) -> None:
    assert installation.fits(version, wanted) == fits


def test_files_are_found_where_they_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ())
    monkeypatch.setattr(doctor, "FILES", (Files("flowers", "tests", tmp_path / "flowers", parts.apt_get("flowers")),))
    (tmp_path / "flowers").mkdir()
    assert found("flowers").found is None and "apt-get install flowers" in found("flowers").cure
    (tmp_path / "flowers" / "rose.png").write_bytes(b"")
    assert found("flowers").found == str(tmp_path / "flowers")


def test_a_store_that_nobody_may_write_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(doctor, "PACKAGES", ())
    monkeypatch.setenv("EDGESTILL_STORE", str(tmp_path / "file"))
    store = found("store")
    assert store.problem == f"{tmp_path / 'file'} cannot be written" and not store.healthy
