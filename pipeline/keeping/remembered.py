"""Digests of the user's own large files, remembered while the file system says that nothing has touched them."""

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ..artifact import digest, entries_within

SMALL = 16 << 20  # bytes: reading as much takes some ten milliseconds, so that less is always read
SETTLED_NS = 2_000_000_000  # a file that changed later than this before it was read may change unseen


class Remembered:
    """A folder of digests. One counts while path, size, inode and both times of every file are what they were.

    The time of the last change of an inode cannot be set by a program, so a file that was written to and had its
    modification time put back is read again. Nothing is remembered of files that changed within the last two seconds.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def digest(self, path: Path) -> str:
        """The sha-256 of a file or folder, as `artifact.digest` gives it."""
        path = path.absolute()
        size, newest, look = _look(path) if path.exists() else (0, 0, "")
        if size < SMALL:
            return digest(path)
        file = self._folder / f"{hashlib.sha256(str(path).encode()).hexdigest()}.json"
        known = _read(file)
        if known.get("look") == look:
            return known["sha256"]
        started = time.time_ns()
        found = digest(path)
        if newest + SETTLED_NS < started and _look(path)[2] == look:
            _write(file, {"look": look, "sha256": found, "path": str(path)})
        return found

    def forget(self) -> None:
        """The next digest of every file is read anew."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _stats(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Every file that `digest` reads."""
    return ((entry.path, entry.stat()) for entry in entries_within(str(folder)))


def _look(path: Path) -> tuple[int, int, str]:
    """Bytes, the newest time in nanoseconds, and a digest of what the file system tells of every file."""
    size, newest, told = 0, 0, hashlib.sha256()
    files = sorted(_stats(path)) if path.is_dir() else [(str(path), path.stat())]
    for name, stat in files:
        facts = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_dev)
        told.update(f"{name}\0{facts}\n".encode())
        size, newest = size + stat.st_size, max(newest, stat.st_mtime_ns, stat.st_ctime_ns)
    return size, newest, told.hexdigest()


def _read(file: Path) -> dict[str, str]:
    try:
        known = json.loads(file.read_text())
        return known if isinstance(known, dict) and {"look", "sha256"} <= known.keys() else {}
    except (OSError, ValueError):
        return {}


def _write(file: Path, known: dict[str, str]) -> None:
    """Whole or not at all; a store that cannot be written remembers nothing."""
    beside = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(known))
        beside.replace(file)
    with suppress(OSError):
        beside.unlink(missing_ok=True)
