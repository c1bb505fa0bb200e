"""Where long work that is killed goes on: a folder that outlives the process, until the work is whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_folder: ContextVar[Path | None] = ContextVar("resumption", default=None)


@contextmanager
def resumable(folder: Path) -> Iterator[None]:
    """Inside the block, work may keep in this folder how far it is; whoever opens the block deletes it in the end."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def resume_folder() -> Path | None:
    """The folder of the work that goes on around the caller, which may not be there yet; None where nobody gave one."""
    return _folder.get()
