"""Which artifacts running processes use: one file of keys a process, locked while it lives."""

import fcntl
import os
import secrets
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock


class Claims:
    """The keys that this process uses, and those of all others that share the store."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "claims"
        self._mutex = FileLock(root / "locks" / "claims.lock")
        self._mine: set[str] = set()
        self._file: int | None = None

    def claim(self, key: str) -> None:
        """Nobody removes the key's artifact while this process lives. A store that cannot be written has no claims."""
        if key in self._mine:
            return
        with suppress(OSError), self._mutex:
            os.write(self._opened(), f"{key}\n".encode())
            self._mine.add(key)

    @contextmanager
    def held(self) -> Iterator[frozenset[str]]:
        """Every key in use, of this process too; nobody claims another one inside the block."""
        with self._mutex:
            keys = {key for file in self._folder.glob("*.keys") for key in self._read(file)}
            yield frozenset(keys | self._mine)

    def _opened(self) -> int:
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"{os.getpid()}-{secrets.token_hex(4)}.keys"
            file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
            fcntl.flock(file, fcntl.LOCK_EX)
            weakref.finalize(self, _let_go, path, file)
            self._file = file
        return self._file

    def _read(self, file: Path) -> list[str]:
        """The keys of a living process; the file of a dead one is deleted, that of one that ends just now is gone."""
        try:
            reader = os.open(file, os.O_RDWR)
        except FileNotFoundError:
            return []
        with os.fdopen(reader) as keys:
            try:
                fcntl.flock(reader, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return keys.read().split()
            file.unlink(missing_ok=True)
            return []


def _let_go(path: Path, file: int) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)
    os.close(file)
