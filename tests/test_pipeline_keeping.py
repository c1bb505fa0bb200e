"""The store's bound, its claims and what it remembers; and scratch folders, which outlive nobody."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgestill.pipeline.artifact import Artifact, Kind, digest
from edgestill.pipeline.errors import BadInput
from edgestill.pipeline.keeping import remembered
from edgestill.pipeline.keeping.entry import Entry
from edgestill.pipeline.keeping.eviction import leaving, limit, size_of
from edgestill.pipeline.keeping.remembered import Remembered
from edgestill.pipeline.progress import listening
from edgestill.pipeline.scratch import PREFIX, scratch_folder, sweep
from edgestill.pipeline.store import Store


@dataclass(frozen=True)
class Kilobytes:
    """A stage for tests: so many kilobytes, told apart by a name."""

    name: str
    count: int = 10

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "report"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        out.write_bytes(self.name[:1].encode() * (self.count << 10))


class Heard:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def advance(self, done: int, total: int, note: str) -> None:
        pass

    def say(self, text: str) -> None:
        self.said.append(text)


def names(store: Store) -> set[str]:
    return {entry.made_for for entry in store.entries()}


def made(root: Path, *names: str, at: float | None = None) -> None:
    """Artifacts of 10 KB, made by a process that is gone; each was used a second later than the one before."""
    for place, name in enumerate(names):
        file = Store(root).make(Kilobytes(name), {}, name).artifact.path.with_name("entry.json")
        os.utime(file, (1000.0 + place if at is None else at,) * 2)


def test_beyond_its_limit_what_was_not_used_for_longest_leaves_first_and_is_told(tmp_path: Path) -> None:
    made(tmp_path, "a", "b", "c")
    made(tmp_path, "a", at=2000.0)  # used again
    heard = Heard()
    with listening(heard):
        Store(tmp_path, limit_bytes=30 << 10).make(Kilobytes("d"), {}, "d")
    assert names(Store(tmp_path)) == {"a", "c", "d"}
    [said] = heard.said
    assert "1 artifacts" in said and "30.0 KB" in said and "EDGESTILL_STORE_LIMIT" in said


def test_what_the_present_run_needs_stays_whatever_the_limit_says(tmp_path: Path) -> None:
    made(tmp_path, "old", "needed")
    store, heard = Store(tmp_path, limit_bytes=10 << 10), Heard()
    assert store.told(Kilobytes("needed"), {}) and store.make(Kilobytes("first"), {}, "first").fresh
    with listening(heard):
        store.make(Kilobytes("second"), {}, "second")
    assert names(store) == {"needed", "first", "second"}
    assert "all of it in use" in heard.said[-1]


USER = """
import sys
from pathlib import Path
from edgestill.pipeline.store import Store
sys.path.insert(0, sys.argv[1])
from test_pipeline_keeping import Kilobytes
store = Store(Path(sys.argv[2]))
store.make(Kilobytes("used"), {}, "used")
print("ready", flush=True)
sys.stdin.read()
"""


def test_what_a_running_process_uses_is_not_removed_and_may_be_once_it_is_killed(tmp_path: Path) -> None:
    made(tmp_path, "free")
    command = [sys.executable, "-c", USER, str(Path(__file__).parent), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as user:
        assert user.stdout and user.stdout.readline() == b"ready\n"
        gone = Store(tmp_path).remove(list(Store(tmp_path).entries()))
        assert [entry.made_for for entry in gone] == ["free"]
        user.send_signal(signal.SIGKILL)
    assert [entry.made_for for entry in Store(tmp_path).remove(list(Store(tmp_path).entries()))] == ["used"]
    assert not list((tmp_path / "claims").iterdir()) and not list((tmp_path / "partial").iterdir())


def test_the_claims_of_a_process_that_ends_just_now_are_none(tmp_path: Path) -> None:
    made(tmp_path, "a")
    (tmp_path / "claims").mkdir(exist_ok=True)
    (tmp_path / "claims" / "1-ended.keys").symlink_to(tmp_path / "gone")  # listed, but not there to be opened
    assert len(Store(tmp_path).remove(list(Store(tmp_path).entries()))) == 1


def entry(key: int, used: float, size: int) -> Entry:
    return Entry(str(key), "stage", "", Path(str(key)), size, 0.0, used)


@given(
    st.lists(st.tuples(st.floats(0, 100), st.integers(0, 1000)), max_size=20),
    st.integers(0, 5000),
    st.sets(st.integers(0, 19)),
)
def test_no_more_leaves_than_must_and_never_what_is_kept(
    facts: list[tuple[float, int]], most: int, kept: set[int]
) -> None:
    entries = [entry(key, used, size) for key, (used, size) in enumerate(facts)]
    gone = leaving(entries, most, {str(key) for key in kept})
    stays = [one for one in entries if one not in gone]
    left = sum(one.bytes for one in stays)
    assert not {one.key for one in gone} & {str(key) for key in kept}
    assert left <= most or {one.key for one in stays} <= {str(key) for key in kept}
    assert not gone or left + gone[-1].bytes > most
    free = [one.used for one in stays if int(one.key) not in kept]
    assert not gone or not free or max(one.used for one in gone) <= min(free)


@pytest.mark.parametrize(
    ("text", "size"), [("20G", 20 << 30), ("1.5 k", 1536), ("7", 7), ("500MB", 500 << 20), ("2TiB", 2 << 40)]
)
def test_a_size_is_written_as_people_write_it(text: str, size: int) -> None:
    assert size_of(text) == size


def test_a_limit_that_is_no_size_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESTILL_STORE_LIMIT", "plenty")
    with pytest.raises(BadInput, match="EDGESTILL_STORE_LIMIT: 'plenty' is not a size"):
        limit()
    monkeypatch.setenv("EDGESTILL_STORE_LIMIT", "")
    assert limit() is None


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the user's own that counts as large, untouched for an hour."""
    monkeypatch.setattr(remembered, "SMALL", 1000)
    monkeypatch.setattr(remembered, "SETTLED_NS", 0)
    folder = tmp_path / "photos"
    (folder / "cats").mkdir(parents=True)
    for name in ("cats/1.png", "cats/2.png", "3.png"):
        (folder / name).write_bytes(random.Random(name).randbytes(2000))
        os.utime(folder / name, (time.time() - 3600,) * 2)
    time.sleep(0.05)
    return folder


def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The paths whose bytes are read from now on."""
    read: list[Path] = []

    def counted(path: Path) -> str:
        read.append(path)
        return digest(path)

    monkeypatch.setattr(remembered, "digest", counted)
    return read


def test_an_untouched_large_folder_is_read_once(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = reads(monkeypatch)
    found = [Remembered(tmp_path / "digests").digest(photos) for _ in range(3)]
    assert found == [digest(photos)] * 3
    assert read == [photos]


def overwrite(folder: Path) -> None:
    (folder / "3.png").write_bytes(bytes(2000))


def overwrite_and_put_the_time_back(folder: Path) -> None:
    times = (folder / "3.png").stat()
    overwrite(folder)
    os.utime(folder / "3.png", ns=(times.st_atime_ns, times.st_mtime_ns))


def replace_with_one_of_the_same_time(folder: Path) -> None:
    times = (folder / "3.png").stat()
    (folder / "new").write_bytes(bytes(2000))
    os.utime(folder / "new", ns=(times.st_atime_ns, times.st_mtime_ns))
    (folder / "new").replace(folder / "3.png")


def add(folder: Path) -> None:
    (folder / "4.png").write_bytes(b"")


def take_away(folder: Path) -> None:
    (folder / "cats" / "1.png").unlink()


def rename(folder: Path) -> None:
    (folder / "cats" / "1.png").rename(folder / "cats" / "0.png")


@pytest.mark.parametrize(
    "touch", [overwrite, overwrite_and_put_the_time_back, replace_with_one_of_the_same_time, add, take_away, rename]
)
def test_a_large_folder_that_was_touched_is_read_again(
    photos: Path, tmp_path: Path, touch: Callable[[Path], None]
) -> None:
    known = Remembered(tmp_path / "digests")
    before = known.digest(photos)
    touch(photos)
    assert known.digest(photos) == digest(photos) != before


def test_nothing_is_remembered_of_what_changed_a_moment_ago(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "SETTLED_NS", 2_000_000_000)
    (photos / "3.png").write_bytes(bytes(2000))
    read = reads(monkeypatch)
    for _ in range(2):
        Remembered(tmp_path / "digests").digest(photos)
    assert len(read) == 2


def test_a_scratch_folder_of_a_killed_process_is_swept_and_those_of_the_living_stay(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from edgestill.pipeline.scratch import scratch_folder\n"
        "with scratch_folder(Path(sys.argv[1])) as folder: print(folder, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    somebody_elses = tmp_path / f"{PREFIX}my-own-notes"
    somebody_elses.mkdir()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as living:
        assert living.stdout
        theirs = Path(living.stdout.readline().strip())
        with scratch_folder(tmp_path) as ours:
            assert sweep(tmp_path) == 0 and theirs.is_dir() and ours.is_dir()
        assert not ours.exists()
        living.kill()
    assert theirs.is_dir()
    with scratch_folder(tmp_path):
        assert not theirs.exists()
    assert list(tmp_path.iterdir()) == [somebody_elses]


def test_two_processes_on_one_recipe_do_each_piece_of_work_once(
    whole: Any, edgestill: Callable[..., Any], digests_of: Callable[..., Any], store_without: Any, tmp_path: Path
) -> None:
    store = store_without({"train", "distill", "prune", "quantize"})
    recipe, variables = Path(__file__).parent / "cases" / "small.toml", {"EDGESTILL_STORE": str(store)}
    commands = [
        [sys.executable, "-m", "edgestill", "run", str(recipe), "--out", str(tmp_path / out)] for out in ("one", "two")
    ]
    both = [
        subprocess.Popen(command, env={**os.environ, **variables}, stderr=subprocess.PIPE, text=True)
        for command in commands
    ]
    said = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    fresh = [line for text in said for line in text.splitlines() if line.startswith("✓") and "measuring" not in line]
    assert len(fresh) == 5, said  # teacher, scratch, distilled, pruned, quantized
    assert digests_of(tmp_path / "one") == digests_of(tmp_path / "two") == whole.digests
