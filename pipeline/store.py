"""The memo of stages: the same stage on the same inputs is made once, written beside, synced, and renamed whole."""

import os
import shutil
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .artifact import SUFFIX, Artifact, digest
from .disk import written_to
from .errors import BadArtifact
from .keeping.claims import Claims
from .keeping.entry import FILE, Entry, listed, told, whole, write_entry
from .keeping.eviction import VARIABLE, in_words, leaving, limit
from .keeping.lineage import key_of, lineage_of
from .keeping.ready import ready
from .keeping.remembered import Remembered
from .keeping.root import default_root
from .progress import say
from .resumption import resumable
from .scratch import scratch_folder
from .stages.stage import Stage

CURE = "run `edgestill store prune`, or set $EDGESTILL_STORE to a folder of yours on another disk"
RESUMED_WITHIN = 30 * 86400.0  # seconds for which half a training is kept


@dataclass(frozen=True)
class Made:
    """A stage's artifact, and whether it was made now (`seconds` of work) or was already there."""

    artifact: Artifact
    fresh: bool
    seconds: float


class Store:
    """A folder of artifacts by key. Any number of processes may share it; a key is made by one of them at a time.

    What a process has made or found is not removed while it lives. `limit` is the most bytes to keep, None for any
    number: `$EDGESTILL_STORE_LIMIT` unless given.
    """

    def __init__(self, root: Path | None = None, limit_bytes: int | None = None) -> None:
        self.root = (root or default_root()).absolute()
        self._limit = limit() if limit_bytes is None else limit_bytes
        self._claims = Claims(self.root)
        self._remembered = Remembered(self.root / "digests")

    def __reduce__(self) -> Any:
        return Store, (self.root, self._limit)

    def make(self, stage: Stage, inputs: Mapping[str, Artifact], made_for: str = "") -> Made:
        """The stage's artifact, from the store if it is there and whole, else written now; `made_for` is a note."""
        lineage, key = self._identified(stage, inputs)
        self._claims.claim(key)
        with suppress(BadArtifact):  # told and mended below, under the lock
            if found := whole(self._folder(key)):
                return self._found(found)
        with self._locked(key):
            try:
                found = whole(self._folder(key))  # another process may have made it while we waited
            except BadArtifact as error:
                say(f"{error}; it is made again")
                found = None
            made = self._found(found) if found else self._write(key, stage, inputs, lineage, made_for)
        if made.fresh:
            self._keep_limit()
        return made

    def told(self, stage: Stage, inputs: Mapping[str, Artifact]) -> Artifact | None:
        """What the store says it holds for a stage, its bytes not read; it is not removed while this process lives."""
        _, key = self._identified(stage, inputs)
        self._claims.claim(key)
        with suppress(BadArtifact):
            return told(self._folder(key))
        return None

    def holds(self, stage: Stage, inputs: Mapping[str, Artifact]) -> bool:
        """Whether a stage's artifact is there and whole."""
        with suppress(BadArtifact):
            return whole(self._folder(self._identified(stage, inputs)[1])) is not None
        return False

    def found(self, stage: Stage, inputs: Mapping[str, Artifact]) -> Made:
        """What another process has made; BadArtifact when it is not in this store."""
        _, key = self._identified(stage, inputs)
        self._claims.claim(key)
        if found := whole(self._folder(key)):
            return self._found(found)
        raise BadArtifact(f"{self.root}: what the first process made is not here; give all of them one shared store")

    def take_part(self, stage: Stage, inputs: Mapping[str, Artifact]) -> None:
        """The work of a stage that another process stores, its result thrown away."""
        with scratch_folder() as folder, resumable(self._unfinished(self._identified(stage, inputs)[1])):
            stage.write(inputs, folder / f"artifact{SUFFIX[stage.gives]}")

    def entries(self) -> Iterator[Entry]:
        """Every stored artifact, in the order of its key."""
        for folder in sorted(self.root.glob("entries/*/*")):
            with suppress(FileNotFoundError):  # removed meanwhile
                yield listed(folder)

    def sweep(self, unfinished: bool = False) -> None:
        """Deletes what killed processes left behind; what another process is making stays.

        From what a stage had kept of its work, the next run goes on: it stays until it is old, or not wanted either.
        """
        for left in [*(self.root / "partial").glob("*"), *self._left_to_resume(unfinished)]:
            lock = FileLock(self.root / "locks" / f"{left.name.removesuffix('.gone')}.lock")
            with suppress(Timeout, OSError), lock.acquire(timeout=0):
                shutil.rmtree(left, ignore_errors=True)

    def _left_to_resume(self, all_of_it: bool) -> Iterator[Path]:
        """Kept states of stages that are whole by now, or that nobody has gone on with for long."""
        oldest = time.time() - RESUMED_WITHIN
        for kept in (self.root / "resume").glob("*"):
            with suppress(FileNotFoundError):  # finished meanwhile
                if all_of_it or self._folder(kept.name).exists() or kept.stat().st_mtime < oldest:
                    yield kept

    def damage(self, entry: Entry) -> str | None:
        """What is wrong with a stored artifact; None when every byte of it is as it was written."""
        try:
            return None if whole(entry.folder) else f"{entry.folder / FILE}: damaged: it is not there"
        except BadArtifact as error:
            return str(error)

    def in_use(self) -> frozenset[str]:
        """The keys of what running processes have made or found."""
        with written_to(self.root, CURE), self._claims.held() as used:
            return used

    def remove(self, entries: Collection[Entry]) -> list[Entry]:
        """Takes artifacts out of the store, but for those that a running process uses; the ones that went."""
        with written_to(self.root, CURE):
            with self._claims.held() as used:
                going = [entry for entry in entries if entry.key not in used]
                for entry in going:
                    self._put_away(entry.key)
            self.sweep()
        return going

    def forget_sources(self) -> None:
        """The next run reads the user's own files anew, also those that nothing seems to have touched."""
        self._remembered.forget()

    def _identified(self, stage: Stage, inputs: Mapping[str, Artifact]) -> tuple[dict[str, Any], str]:
        lineage = lineage_of(stage, inputs, self._remembered.digest)
        return lineage, key_of(lineage)

    def _folder(self, key: str) -> Path:
        return self.root / "entries" / key[:2] / key

    def _unfinished(self, key: str) -> Path:
        """Where a stage keeps how far it is, until its artifact is stored."""
        return self.root / "resume" / key

    def _found(self, artifact: Artifact) -> Made:
        with suppress(OSError):  # a store that cannot be written can still be read
            os.utime(artifact.path.with_name(FILE))
        return Made(artifact, fresh=False, seconds=0.0)

    def _put_away(self, key: str) -> None:
        """Away in one move, to be deleted by a sweep: killed in between, no half entry is left."""
        if self._folder(key).exists():
            doomed = self.root / "partial" / f"{key}.gone"
            doomed.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(doomed, ignore_errors=True)
            self._folder(key).rename(doomed)

    def _write(
        self, key: str, stage: Stage, inputs: Mapping[str, Artifact], lineage: Mapping[str, Any], made_for: str
    ) -> Made:
        """The stage at work, beside. The caller holds the key's lock."""
        beside = self.root / "partial" / key
        out = beside / f"artifact{SUFFIX[stage.gives]}"
        try:
            with written_to(self.root, CURE):
                shutil.rmtree(beside, ignore_errors=True)  # what a killed process left
                beside.mkdir(parents=True)
                ready(stage)
                started = time.monotonic()
                with resumable(self._unfinished(key)) as resumption:
                    stage.write(inputs, out)
                seconds = time.monotonic() - started + resumption.seconds_before
                artifact = Artifact(out, stage.gives, digest(out), lineage)
                write_entry(artifact, seconds, made_for)
                _sync(beside)
                self._folder(key).parent.mkdir(parents=True, exist_ok=True)
                self._put_away(key)
                beside.rename(self._folder(key))
                _sync_folder(self._folder(key).parent)
                shutil.rmtree(self._unfinished(key), ignore_errors=True)
        finally:
            for left in (beside, beside.with_name(f"{key}.gone")):
                shutil.rmtree(left, ignore_errors=True)
        return Made(replace(artifact, path=self._folder(key) / out.name), fresh=True, seconds=seconds)

    def _keep_limit(self) -> None:
        """Makes room where the store has grown beyond its limit, and says so."""
        if self._limit is None:
            return
        entries = list(self.entries())
        gone = self.remove(leaving(entries, self._limit, self.in_use()))
        left, allowed = sum(entry.bytes for entry in set(entries) - set(gone)), in_words(self._limit)
        if gone:
            freed = in_words(sum(entry.bytes for entry in gone))
            say(f"the store made room, ${VARIABLE} is {allowed}: {len(gone)} artifacts, unused for longest, {freed}")
        if left > self._limit:
            say(f"the store holds {in_words(left)}, all of it in use: more than ${VARIABLE} allows, {allowed}")

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        with written_to(self.root, CURE):
            (self.root / "locks").mkdir(parents=True, exist_ok=True)
            (self.root / "partial").mkdir(exist_ok=True)
            lock = FileLock(self.root / "locks" / f"{key}.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                say("another edgestill is making this; waiting for it")
                lock.acquire()
        try:
            yield
        finally:
            lock.release()


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            _sync_folder(path)
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
