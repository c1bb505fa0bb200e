"""A phone on a cable: adb makes our port its own, so that the page is at localhost there, which is a secure context."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS = 10.0


@contextmanager
def reversed_port(port: int) -> Iterator[tuple[str, ...]]:
    """The serials of the attached phones on which localhost:port is ours, inside the block; none without adb."""
    serials = tuple(one for one in _attached() if _adb("-s", one, "reverse", f"tcp:{port}", f"tcp:{port}") is not None)
    try:
        yield serials
    finally:
        for one in serials:
            _adb("-s", one, "reverse", "--remove", f"tcp:{port}")


def _attached() -> list[str]:
    """Phones that allow debugging."""
    lines = (_adb("devices") or "").splitlines()[1:] if shutil.which("adb") else []
    return [words[0] for words in map(str.split, lines) if words[1:2] == ["device"]]


def _adb(*arguments: str) -> str | None:
    """What adb prints; None when it fails."""
    try:
        ended = subprocess.run(["adb", *arguments], capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if ended.returncode else ended.stdout
