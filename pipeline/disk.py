"""A disk that takes no more: every way in which a library says so, told with the folder and what to do."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import EdgestillError

FULL = (errno.ENOSPC, errno.EDQUOT)
DENIED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR)
NO_FOLDER = dict.fromkeys((errno.ENOTDIR, errno.EEXIST), "there is a file where a folder is wanted")
# numpy gives no errno when a file takes only a part of an array; safetensors puts it into its words
WORDS = re.compile(r"\d+ requested and \d+ written|os error (28|122)\b|No space left on device|Disk quota exceeded")


class NoSpace(EdgestillError):
    """The disk is full; the message names the folder and says what to do."""


@contextmanager
def written_to(folder: Path, cure: str) -> Iterator[None]:
    """Around whatever writes into `folder`: a full disk and a forbidden folder become one line that ends with `cure`.

    Errors of ours, and those that tell of another folder, go through as they are.
    """
    try:
        yield
    except EdgestillError:
        raise
    except Exception as error:
        if is_full(error):
            raise no_space(f"{folder}", cure) from error
        if isinstance(error, OSError) and error.errno in DENIED and _is_about(error, folder):
            why = NO_FOLDER.get(error.errno or 0, f"cannot be written: {error.strerror}")
            raise EdgestillError(f"{folder}: {why}; {cure}") from error
        raise


def no_space(where: str, cure: str) -> NoSpace:
    """What to raise where a disk is full."""
    return NoSpace(f"{where}: no space left on the device; nothing half-written was kept; free some, or {cure}")


def is_full(error: BaseException | str | None) -> bool:
    """Whether this error, one behind it, or what another process wrote of one, says that the disk has no room left."""
    if isinstance(error, str):
        return bool(WORDS.search(error))
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        if WORDS.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _is_about(error: OSError, folder: Path) -> bool:
    """Whether the file that the error names lies in the folder or on the way to it; one without a name may."""
    named = error.filename2 or error.filename
    if not isinstance(named, str | os.PathLike):
        return True
    path = Path(named).absolute()
    return path.is_relative_to(folder.absolute()) or folder.absolute().is_relative_to(path)
