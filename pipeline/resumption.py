"""Where long work that is killed goes on: a folder that outlives the process, until the work is whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Resumption:
    """Where work keeps how far it is, and the seconds that killed processes spent on what is taken up of it."""

    folder: Path
    seconds_before: float = 0.0


_resumption: ContextVar[Resumption | None] = ContextVar("resumption", default=None)


@contextmanager
def resumable(folder: Path) -> Iterator[Resumption]:
    """Inside the block, work may keep in this folder how far it is; whoever opens the block deletes it in the end."""
    resumption = Resumption(folder)
    token = _resumption.set(resumption)
    try:
        yield resumption
    finally:
        _resumption.reset(token)


def resume_folder() -> Path | None:
    """The folder of the work that goes on around the caller, which may not be there yet; None where nobody gave one."""
    resumption = _resumption.get()
    return resumption.folder if resumption else None


def taken_up(seconds: float) -> None:
    """Said by work that goes on where a killed process was after so many seconds: they count as its own."""
    if resumption := _resumption.get():
        resumption.seconds_before += seconds
