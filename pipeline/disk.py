"""A disk that takes no more, or no file so large: every way in which a library says so, told with what to do."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import EdgestillError

DENIED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR)
NO_FOLDER = dict.fromkeys((errno.ENOTDIR, errno.EEXIST), "there is a file where a folder is wanted")
# numpy gives no errno when a file takes only a part of an array; safetensors puts it into its words
WORDS = re.compile(r"\d+ requested and \d+ written|os error (28|122)\b|No space left on device|Disk quota exceeded")
TOO_LARGE = re.compile(r"os error 27\b|File too large")


@dataclass(frozen=True)
class Shortage:
    """What is short, and what to do about it."""

    what: str
    cure: str


SPACE = Shortage("no space left on the device", "free some")
SIZE = Shortage("a file grows larger than files may be here", "raise the limit (`ulimit -f` shows it)")
SHORT = {errno.ENOSPC: SPACE, errno.EDQUOT: SPACE, errno.EFBIG: SIZE}


class NoSpace(EdgestillError):
    """The disk is full, or takes no file so large; the message names the folder, if it is known, and what to do."""

    def __init__(self, message: str, folder: Path | None = None, short: Shortage = SPACE) -> None:
        super().__init__(message)
        self.folder, self.short = folder, short


@contextmanager
def written_to(folder: Path, cure: str) -> Iterator[None]:
    """Around whatever writes into `folder`: a full disk and a forbidden folder become one line that ends with `cure`.

    Also where a part of the work told the first of them of a folder in this one, with a cure of its own: who began the
    work knows better what its user can choose. Errors of ours, and those that tell of another folder, go through.
    """
    try:
        yield
    except NoSpace as error:
        if error.folder and error.folder.absolute().is_relative_to(folder.absolute()):
            raise no_space(folder, cure, error.short) from error
        raise
    except EdgestillError:
        raise
    except Exception as error:
        if short := shortage(error):
            raise no_space(folder, cure, short) from error
        if isinstance(error, OSError) and error.errno in DENIED and _is_about(error, folder):
            why = NO_FOLDER.get(error.errno or 0, f"cannot be written: {error.strerror}")
            raise EdgestillError(f"{folder}: {why}; {cure}") from error
        raise


def no_space(where: Path | str, cure: str, short: Shortage = SPACE) -> NoSpace:
    """What to raise where a disk is full, or takes no file so large: in this folder, or in these words."""
    told = f"{where}: {short.what}; nothing half-written was kept; {short.cure}, or {cure}"
    return NoSpace(told, where if isinstance(where, Path) else None, short)


def is_full(error: BaseException | str | None) -> bool:
    """Whether this error, one behind it, or what another process wrote of one, says that the disk takes no more."""
    return shortage(error) is not None


def shortage(error: BaseException | str | None) -> Shortage | None:
    """What is short, where this error, one behind it, or what another process wrote of one says that something is."""
    if isinstance(error, str):
        return _in_words(error)
    while error is not None:
        if isinstance(error, OSError) and error.errno in SHORT:
            return SHORT[error.errno]
        if found := _in_words(str(error)):
            return found
        error = error.__cause__ or error.__context__
    return None


def _in_words(said: str) -> Shortage | None:
    if TOO_LARGE.search(said):
        return SIZE
    if found := WORDS.search(said):
        return SIZE if found[0].endswith("written") and _is_limited() else SPACE
    return None


def _is_limited() -> bool:
    """Whether files of this process may only grow to some size."""
    try:
        import resource
    except ImportError:  # there is none on Windows
        return False
    return resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY


def _is_about(error: OSError, folder: Path) -> bool:
    """Whether the file that the error names lies in the folder or on the way to it; one without a name may."""
    named = error.filename2 or error.filename
    if not isinstance(named, str | os.PathLike):
        return True
    path = Path(named).absolute()
    return path.is_relative_to(folder.absolute()) or folder.absolute().is_relative_to(path)
