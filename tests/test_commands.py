"""The small commands: what they print, as text and as JSON, and the code they end with."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgestill.__main__ import main
from edgestill.pipeline.store import Store
from edgestill.targets.setup import doctor
from edgestill.targets.setup.parts import Package


@pytest.fixture
def copied(whole: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of one's own with everything a whole run left in it."""
    store = tmp_path / "store"
    shutil.copytree(whole.store, store)
    monkeypatch.setenv("EDGESTILL_STORE", str(store))
    return store


def test_targets_names_every_place_and_its_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["targets", "--json"]) == 0
    evidence = {row["name"]: row["evidence"] for row in json.loads(capsys.readouterr().out)["targets"]}
    told = [evidence[name] for name in ("host", "emu:cortex-m4", "ethos-u55-128")]
    assert told == ["measured", "emulated", "estimated"]
    assert main(["targets"]) == 0
    assert "host" in capsys.readouterr().out


def test_doctor_finds_everything_here_and_less_for_one_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    everything = json.loads(capsys.readouterr().out)["findings"]
    assert all(finding["healthy"] for finding in everything)
    assert main(["doctor", "host", "--json"]) == 0
    host = json.loads(capsys.readouterr().out)["findings"]
    assert {finding["what"] for finding in host} < {finding["what"] for finding in everything}


def test_doctor_names_the_cure_of_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", (Package("no-such-package", "nothing"),))
    assert main(["doctor"]) == 3
    said = capsys.readouterr().out
    assert f"cure of no-such-package:\n  {sys.executable} -m pip install -e " in said


def test_store_lists_what_a_run_left_and_finds_it_whole(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "list", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)["entries"]
    assert {"train", "distill", "quantize"} <= {entry["stage"] for entry in entries}
    assert main(["store", "verify"]) == 0
    assert "every byte is as it was written" in capsys.readouterr().out


def test_store_verify_names_the_damaged_file_and_ends_with_1(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    victim = next(copied.glob("entries/*/*/artifact.tflite"))
    victim.write_bytes(victim.read_bytes()[:-1] + b"\0\0")
    assert main(["store", "verify"]) == 1
    assert victim.parent.name in capsys.readouterr().out


def test_a_changed_lineage_is_noticed(copied: Path) -> None:
    file = next(copied.glob("entries/*/*/entry.json"))
    about = json.loads(file.read_text())
    about["lineage"]["version"] += 1
    file.write_text(json.dumps(about))
    store = Store(copied)
    assert [entry.key for entry in store.entries() if store.damage(entry)] == [file.parent.name]


def test_verifying_is_no_use_that_keeps_things_from_being_pruned(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in copied.glob("entries/*/*/entry.json"):
        os.utime(file, (0, 0))
    assert main(["store", "verify"]) == 0
    assert main(["store", "prune", "--older", "30"]) == 0
    assert not list(Store(copied).entries())
    assert "removed" in capsys.readouterr().out


def test_prune_sweeps_what_a_killed_process_left(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copied / "partial" / "abc").mkdir()
    assert main(["store", "prune", "--all"]) == 0
    assert not list((copied / "partial").iterdir())
    assert not list(Store(copied).entries())


def test_an_entry_that_lost_its_entry_file_is_made_again(
    whole: Any,
    copied: Path,
    tmp_path: Path,
    edgestill: Callable[..., Any],
    digests_of: Callable[[Path], dict[str, str]],
) -> None:
    for file in copied.glob("entries/*/*/entry.json"):
        if json.loads(file.read_text())["lineage"]["stage"] == "quantize":
            file.unlink()
    recipe = Path(__file__).parent / "cases" / "small.toml"
    again = edgestill(["run", str(recipe), "--out", str(tmp_path / "out")], copied)
    assert again.returncode == 0, again.stderr
    assert digests_of(tmp_path / "out") == whole.digests


def test_a_lost_page_is_written_again(whole: Any, tmp_path: Path, copied: Path, edgestill: Callable[..., Any]) -> None:
    out = tmp_path / "out"
    shutil.copytree(whole.out, out)
    page = (out / "report.html").read_bytes()
    (out / "report.html").unlink()
    recipe = Path(__file__).parent / "cases" / "small.toml"
    assert edgestill(["run", str(recipe), "--out", str(out)], copied).returncode == 0
    assert (out / "report.html").read_bytes() == page


def test_store_list_tells_what_each_artifact_was_made_for(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "list", "--sort", "size"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "distill" in line and "small: distill" in line and "ago" in line]
    assert main(["store", "list", "--sort", "size", "--stage", "train", "--stage", "distill", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)["entries"]
    assert {entry["made_for"] for entry in entries} == {"small: teacher", "small: scratch", "small: distill"}
    assert [entry["bytes"] for entry in entries] == sorted((entry["bytes"] for entry in entries), reverse=True)
    assert all(entry["age_seconds"] >= 0 and entry["key"] for entry in entries)


def test_prune_goes_by_stage_and_size_and_shows_first_what_would_go(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = len(list(Store(copied).entries()))
    assert main(["store", "prune", "--stage", "verify", "--stage", "evaluate", "--dry-run"]) == 0
    assert "would remove 6 artifacts" in capsys.readouterr().out
    assert len(list(Store(copied).entries())) == before
    assert main(["store", "prune", "--larger", "100K", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["removed"]) == before - len(list(Store(copied).entries())) > 0
    assert all(entry.bytes <= 100 << 10 for entry in Store(copied).entries())
    assert main(["store", "prune", "--to", "50K"]) == 0
    assert sum(entry.bytes for entry in Store(copied).entries()) <= 50 << 10


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--stage", "bake"], "no stage is named 'bake'; there are calibrate"),
        (["--to", "much"], "'much' is not a size"),
    ],
)
def test_a_wrong_flag_of_store_is_told(
    copied: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    try:
        code: Any = main(["store", "prune", *arguments])
    except SystemExit as ended:
        code = ended.code
    assert code == 2 and words in capsys.readouterr().err
