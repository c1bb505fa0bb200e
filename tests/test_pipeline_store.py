"""The store makes a thing once, notices damage, and keeps nothing half-written."""

import json
import multiprocessing
import os
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest

from edgestill.pipeline.artifact import Artifact, Kind, digest
from edgestill.pipeline.errors import EdgestillError
from edgestill.pipeline.keeping.entry import write_entry
from edgestill.pipeline.keeping.lineage import key_of, lineage_of
from edgestill.pipeline.store import Store


@dataclass(frozen=True)
class Words:
    """A stage for tests: writes its words, and the source's bytes before them."""

    words: str = "hello"
    folder_of_source: str = ""

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"source": ("report",)}
    optional: ClassVar[frozenset[str]] = frozenset({"source"})
    gives: ClassVar[Kind] = "report"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy",)

    def sources(self) -> Iterable[Path]:
        return [Path(self.folder_of_source)] if self.folder_of_source else []

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        before = inputs["source"].path.read_text() if "source" in inputs else ""
        out.write_text(before + self.words)


@dataclass(frozen=True)
class Dies(Words):
    """Writes half and is killed; or runs out of disk."""

    full: bool = False

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        out.write_text("half")
        if self.full:
            raise OSError(28, os.strerror(28))
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_the_second_make_finds_what_the_first_made(store: Store) -> None:
    first = store.make(Words(), {})
    second = store.make(Words(), {})
    assert (first.fresh, second.fresh) == (True, False)
    assert first.artifact == second.artifact
    assert second.artifact.path.read_text() == "hello"


def test_options_inputs_and_sources_are_in_the_key(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "net.py"
    source.write_text("a = 1")
    base = store.make(Words(), {}).artifact
    keys = {
        key_of(lineage_of(stage, inputs))
        for stage, inputs in [
            (Words(), {}),
            (Words("other"), {}),
            (Words(), {"source": base}),
            (Words(folder_of_source=str(source)), {}),
        ]
    }
    before = key_of(lineage_of(Words(folder_of_source=str(source)), {}))
    source.write_text("a = 2")
    assert len(keys) == 4
    assert key_of(lineage_of(Words(folder_of_source=str(source)), {})) != before


def test_a_flipped_byte_is_noticed_named_and_made_again(store: Store) -> None:
    made = store.make(Words("hello"), {}).artifact
    made.path.write_text("hellO")
    [entry] = store.entries()
    complaint = store.damage(entry)
    assert complaint and made.path.name in complaint
    again = store.make(Words("hello"), {})
    assert again.fresh and again.artifact.path.read_text() == "hello"
    assert store.damage(entry) is None


def test_a_damaged_entry_file_is_made_again(store: Store) -> None:
    made = store.make(Words(), {}).artifact
    made.path.with_name("entry.json").write_text("{")
    [entry] = store.entries()
    assert entry.stage == "(damaged)" and entry.bytes > 0
    assert store.make(Words(), {}).fresh


def test_an_entry_of_a_kind_that_only_another_version_knows_is_told(store: Store) -> None:
    made = store.make(Words(), {}).artifact
    write_entry(replace(made, kind="hologram"), 1.0, "digits")  # type: ignore[arg-type]
    [entry] = store.entries()
    complaint = store.damage(entry)
    assert complaint and "of another version of edgestill: nothing is of kind 'hologram' here" in complaint


def test_a_killed_stage_leaves_no_entry_and_is_made_by_the_next(store: Store) -> None:
    process = multiprocessing.get_context("spawn").Process(target=store.make, args=(Dies(), {}))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not list(store.entries())
    assert store.make(Words(), {}).fresh


def test_a_full_disk_is_a_clear_error_and_no_half_file(store: Store) -> None:
    with pytest.raises(EdgestillError, match="no space left"):
        store.make(Dies(full=True), {})
    assert not list(store.entries())
    assert not list((store.root / "partial").iterdir())


def test_two_processes_make_one_thing_once(store: Store) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        made = pool.starmap(store.make, [(Words("shared"), {})] * 2)
    assert sorted(result.fresh for result in made) == [False, True]


def test_an_entry_tells_its_lineage(store: Store) -> None:
    made = store.make(Words(), {}).artifact
    about = json.loads(made.path.with_name("entry.json").read_text())
    assert about["sha256"] == digest(made.path)
    assert about["lineage"]["options"] == {"words": "hello", "folder_of_source": ""}


def test_a_store_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgestillError, match="EDGESTILL_STORE"):
        Store(tmp_path / "file").make(Words(), {})
