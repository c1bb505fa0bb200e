"""A file is there whole or not at all: written beside, synced, and renamed; one process at a time in a folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..pipeline.progress import say


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A place beside `path` to write to; the block's end puts it in the place of `path`, an error takes it away."""
    beside = _beside(path)
    try:
        yield beside
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Inside the block no other process writes into the folder; it is waited for, and said so."""
    folder.mkdir(parents=True, exist_ok=True)
    held = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            _lock(held, folder)
        yield
    finally:
        os.close(held)


def _lock(held: int, folder: Path) -> None:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say(f"another edgestill is writing to {folder}; waiting for it")
        fcntl.flock(held, fcntl.LOCK_EX)


def sweep_partial(path: Path) -> None:
    """Deletes what a process left that was killed while it wrote `path`."""
    _beside(path).unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")
