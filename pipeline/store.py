"""The memo of stages: the same stage on the same inputs is made once, written beside, synced, and renamed whole."""

import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .artifact import SUFFIX, Artifact, canonical_json, digest
from .errors import BadArtifact, EdgestillError
from .progress import say
from .stages import name_of
from .stages.stage import Stage

FORMAT = 1  # the store's own version: part of every key


@dataclass(frozen=True)
class Made:
    """A stage's artifact, and whether it was made now (`seconds` of work) or was already there."""

    artifact: Artifact
    fresh: bool
    seconds: float


@dataclass(frozen=True)
class Entry:
    """One stored artifact as its entry.json tells it."""

    key: str
    stage: str
    folder: Path
    bytes: int
    seconds: float
    used: float  # seconds since the epoch at which it was last made or read


def default_root() -> Path:
    """`$EDGESTILL_STORE`, else the user's cache folder."""
    named = os.environ.get("EDGESTILL_STORE")
    if named:
        return Path(named).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("edgestill") / "store"


class Store:
    """A folder of artifacts by key. Any number of processes may share it; a key is made by one of them at a time."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = (root or default_root()).absolute()

    def make(self, stage: Stage, inputs: Mapping[str, Artifact]) -> Made:
        """The stage's artifact, from the store if it is there and whole, else written now."""
        lineage = lineage_of(stage, inputs)
        key = key_of(lineage)
        with suppress(BadArtifact):  # told and mended below, under the lock
            if found := self._read(key):
                return self._found(found)
        with self._locked(key):
            try:
                found = self._read(key)  # another process may have made it while we waited
            except BadArtifact as error:
                say(f"{error}; it is made again")
                found = None
            return self._found(found) if found else self._write(key, stage, inputs, lineage)

    def entries(self) -> Iterator[Entry]:
        """Every stored artifact, in the order of its key."""
        for file in sorted(self.root.glob("entries/*/*/entry.json")):
            try:
                about = json.loads(file.read_text())
                yield Entry(
                    file.parent.name,
                    about["lineage"]["stage"],
                    file.parent,
                    int(about["bytes"]),
                    float(about["seconds"]),
                    file.stat().st_mtime,
                )
            except (ValueError, KeyError, TypeError):
                yield Entry(file.parent.name, "(damaged)", file.parent, 0, 0.0, file.stat().st_mtime)

    def sweep(self) -> None:
        """Deletes what killed processes left behind; what another process is making stays."""
        for beside in (self.root / "partial").glob("*"):
            lock = FileLock(self.root / "locks" / f"{beside.name.removesuffix('.gone')}.lock")
            with suppress(Timeout), lock.acquire(timeout=0):
                shutil.rmtree(beside, ignore_errors=True)

    def damage(self, entry: Entry) -> str | None:
        """What is wrong with a stored artifact; None when it is whole."""
        try:
            self._read(entry.key)
        except BadArtifact as error:
            return str(error)
        return None

    def remove(self, entry: Entry) -> None:
        """Takes one artifact out of the store."""
        with self._locked(entry.key):
            self._drop(entry.key)

    def _folder(self, key: str) -> Path:
        return self.root / "entries" / key[:2] / key

    def _found(self, artifact: Artifact) -> Made:
        with suppress(OSError):  # a store that cannot be written can still be read
            os.utime(artifact.path.with_name("entry.json"))
        return Made(artifact, fresh=False, seconds=0.0)

    def _read(self, key: str) -> Artifact | None:
        """None when it is not there; BadArtifact when its bytes or its lineage are not those that were written."""
        about_file = self._folder(key) / "entry.json"
        if not about_file.is_file():
            return None
        try:
            about = json.loads(about_file.read_text())
            path = about_file.with_name(f"artifact{SUFFIX[about['kind']]}")
            whole = key_of(about["lineage"]) == key and digest(path) == about["sha256"]
        except (OSError, ValueError, KeyError, TypeError, BadArtifact) as error:
            raise BadArtifact(f"{about_file}: damaged: {error}") from error
        if not whole:
            raise BadArtifact(f"{path}: damaged: these are not the bytes that {about['lineage']['stage']} wrote")
        return Artifact(path, about["kind"], about["sha256"], about["lineage"])

    def _drop(self, key: str) -> None:
        """Away in one move, then deleted: killed in between, no half entry is left. The caller holds the lock."""
        if self._folder(key).exists():
            doomed = self.root / "partial" / f"{key}.gone"
            doomed.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(doomed, ignore_errors=True)
            self._folder(key).rename(doomed)
            shutil.rmtree(doomed)

    def _write(self, key: str, stage: Stage, inputs: Mapping[str, Artifact], lineage: Mapping[str, Any]) -> Made:
        beside = self.root / "partial" / key
        shutil.rmtree(beside, ignore_errors=True)  # what a killed process left; we hold the key's lock
        beside.mkdir(parents=True)
        out = beside / f"artifact{SUFFIX[stage.gives]}"
        started = time.monotonic()
        try:
            stage.write(inputs, out)
            seconds = time.monotonic() - started
            artifact = Artifact(out, stage.gives, digest(out), lineage)
            about = {"kind": stage.gives, "sha256": artifact.sha256, "bytes": artifact.bytes, "seconds": seconds}
            (beside / "entry.json").write_text(json.dumps({**about, "lineage": lineage}, indent=1, sort_keys=True))
            _sync(beside)
            self._folder(key).parent.mkdir(parents=True, exist_ok=True)
            self._drop(key)
            beside.rename(self._folder(key))
            _sync_folder(self._folder(key).parent)
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return Made(replace(artifact, path=self._folder(key) / out.name), fresh=True, seconds=seconds)

    def _unwritable(self, error: OSError) -> Exception:
        """What a user should read when the store, or the disk it is on, takes no more; any other error as it is."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return EdgestillError(
                f"{self.root}: no space left on the device; nothing half-written was kept. "
                "Free some, run `edgestill store prune`, or point $EDGESTILL_STORE to another disk"
            )
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            return EdgestillError(
                f"{self.root}: the store cannot be written: {error.strerror}; set $EDGESTILL_STORE to a folder of yours"
            )
        return error

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        try:
            (self.root / "locks").mkdir(parents=True, exist_ok=True)
            (self.root / "partial").mkdir(exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error
        lock = FileLock(self.root / "locks" / f"{key}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say("another edgestill is making this; waiting for it")
            lock.acquire()
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            yield
        finally:
            lock.release()


def lineage_of(stage: Stage, inputs: Mapping[str, Artifact]) -> dict[str, Any]:
    """All that decides a stage's bytes, as plain JSON values, their keys in order: as an entry's file holds it."""
    lineage = {
        "stage": name_of(stage),
        "version": stage.version,
        "options": asdict(stage),  # type: ignore[call-overload]
        "inputs": {name: artifact.sha256 for name, artifact in inputs.items()},
        "sources": [[path.name, digest(path)] for path in stage.sources()],
        "libraries": {library: metadata.version(library) for library in stage.libraries},
    }
    made: dict[str, Any] = json.loads(canonical_json(lineage))
    return made


def key_of(lineage: Mapping[str, Any]) -> str:
    """The sha-256 of the lineage's canonical JSON."""
    return hashlib.sha256(canonical_json({"store": FORMAT, **lineage}).encode()).hexdigest()


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
