"""Folders for the moment, each locked while its process lives: what a killed process left is swept by the next one."""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .disk import NoSpace, written_to

CURE = "set $TMPDIR to a folder on another disk"
PREFIX = ".edgestill-scratch-"
NAMED = re.compile(re.escape(PREFIX) + r"[a-z0-9_]{8}")  # as mkdtemp names them: nobody else's folder is called so


@contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[Path]:
    """A folder in `parent`, or among the system's temporary files, that is gone when the block ends.

    What killed processes left beside it is deleted first. A disk without room is told, with its cure.
    """
    around = parent or _temporary()
    with written_to(around, "name another folder with --out" if parent else CURE):
        sweep(around)
        folder, held = _made(around)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(held)


def sweep(parent: Path) -> int:
    """Deletes the scratch folders in `parent` whose process is gone, and says how many there were."""
    gone = 0
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if NAMED.fullmatch(folder.name) and folder.lstat().st_uid == os.getuid() and not folder.is_symlink():
                gone += _deleted(folder)
    return gone


def _temporary() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError as error:  # it tries to write a few bytes in each place that it knows
        raise NoSpace(f"no folder for temporary files takes a file: {error.strerror}; {CURE}") from error


def _made(parent: Path) -> tuple[Path, int]:
    """A new folder and the descriptor that locks it; made again when a sweep was faster than the lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        with suppress(FileNotFoundError):
            held = os.open(folder, os.O_RDONLY)
            with suppress(OSError):  # a file system without locks: no sweep can lock it either
                fcntl.flock(held, fcntl.LOCK_EX)
            if folder.exists():
                return folder, held
            os.close(held)


def _deleted(folder: Path) -> bool:
    """Deletes the folder unless a living process holds it."""
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
        return True
    except OSError:  # somebody holds it, or nobody can
        return False
    finally:
        os.close(held)
