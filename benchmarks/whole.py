"""A file is there whole or not at all: written beside, synced, and renamed; one process at a time in a folder."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..pipeline.progress import say


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A place beside `path` to write to; the block's end puts it in the place of `path`, an error takes it away.

    A folder can be written so, too: the one that was there is gone for the moment of the change.
    """
    beside = _beside(path)
    try:
        yield beside
        for written in [beside] if beside.is_file() else beside.iterdir():
            with written.open("rb") as file:
                os.fsync(file.fileno())
        if beside.is_dir():
            remove(path)
        beside.replace(path)
    finally:
        remove(beside)


def remove(path: Path) -> None:
    """A file, or a folder with what is in it; nothing where nothing is."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


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
    remove(_beside(path))


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")
