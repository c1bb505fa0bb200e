"""One byte flipped in any file of the store is noticed and named, and what was damaged is made again."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgestill.pipeline.store import Store

SMALL = Path(__file__).parent / "cases" / "small.toml"


def flip(file: Path, dice: random.Random) -> bytes:
    """Another value for one byte of a file; the bytes that it had before."""
    before = file.read_bytes()
    place = dice.randrange(len(before))
    changed = bytes([before[place] ^ dice.randrange(1, 256)])
    file.write_bytes(before[:place] + changed + before[place + 1 :])
    return before


def stored_files(store: Path) -> list[Path]:
    return sorted(file for file in (store / "entries").rglob("*") if file.is_file())


def unnoticed(store: Path, files: list[Path], dice: random.Random) -> list[str]:
    """The files of which `store verify` does not say that they are damaged, each flipped alone."""
    entries = {entry.key: entry for entry in Store(store).entries()}
    missed = []
    for file in files:
        entry = next(entries[part] for part in file.parts if part in entries)
        before = flip(file, dice)
        damage = Store(store).damage(entry)
        named = (
            file.name if file.name == "entry.json" else f"artifact{file.suffix if file.parent == entry.folder else ''}"
        )
        if damage is None or named not in damage:
            missed.append(f"{file}: {damage}")
        file.write_bytes(before)
        assert Store(store).damage(entry) is None
    return missed


def test_a_byte_flipped_in_any_stored_file_of_a_run_is_noticed_and_named(whole: Any, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(whole.store, store)
    files = stored_files(store)
    assert {file.suffix for file in files} >= {".json", ".npy", ".npz", ".onnx", ".safetensors", ".tflite"}
    assert unnoticed(store, files, random.Random(2026)) == []


def test_what_was_damaged_is_named_and_made_again(
    whole: Any, edgestill: Callable[..., Any], digests_of: Callable[..., Any], tmp_path: Path
) -> None:
    store, dice = tmp_path / "store", random.Random(2026)
    shutil.copytree(whole.store, store)
    damaged = dice.sample(stored_files(store), 6)
    for file in damaged:
        flip(file, dice)
    again = edgestill(["run", str(SMALL), "--out", str(tmp_path / "out")], store)
    assert again.returncode == 0, again.stderr
    keys = {part for file in damaged for part in file.parts if len(part) == 64}
    assert all(key in again.stderr for key in keys) and again.stderr.count("it is made again") == len(keys)
    assert digests_of(tmp_path / "out") == whole.digests
    assert edgestill(["store", "verify"], store).returncode == 0


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_a_byte_flipped_in_any_of_two_hundred_stored_files_is_noticed(
    tmp_path: Path, edgestill: Callable[..., Any], digests_of: Callable[..., Any]
) -> None:
    store, dice, command = tmp_path / "store", random.Random(2026), ["run", str(SMALL), "--seeds", "8"]
    assert edgestill([*command, "--out", str(tmp_path / "before")], store).returncode == 0
    files = dice.sample(stored_files(store), 200)
    assert unnoticed(store, files, dice) == []
    for file in files:
        flip(file, dice)
    after = edgestill([*command, "--out", str(tmp_path / "after")], store)
    assert after.returncode == 0, after.stderr
    assert all(part in after.stderr for file in files for part in file.parts if len(part) == 64)
    assert digests_of(tmp_path / "after") == digests_of(tmp_path / "before")
    assert edgestill(["store", "verify"], store).returncode == 0
