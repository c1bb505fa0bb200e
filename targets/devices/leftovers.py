"""What stays on a device of the user's between runs, and how it is taken off again: our names alone, nothing else."""

import re
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from .transport import FORBIDDEN, Transport

# As `remote`, `provision` and `android` name them; what a run left that was cut off is among them.
NAMES = (
    *("run-*", "measure-*.pyz*", "site-*", "venv-litert", "venv-onnxruntime"),
    *("litert-*", "onnxruntime-*", "loader-*", "benchmark_model-*", "tool-*.sh*"),
)
SECONDS = 120.0
BUSY, REFUSED = 90, 91
WAIT = "wait until that bench has ended"
SCRIPT = """cd {folder} 2>/dev/null || exit 0
for one in run-*; do [ -d "$one" ] && kill -0 "${{one#run-}}" 2>/dev/null && exit {busy}; done
for one in {names}; do [ -e "$one" ] || continue; du -sk "$one" && rm -rf "$one" || exit {refused}; done
cd / && rmdir {folder} 2>/dev/null; exit 0
"""


@dataclass(frozen=True)
class Removed:
    """What was taken off a device: names in `folder`, and the bytes that they took there."""

    folder: str
    names: tuple[str, ...]
    bytes: int


@runtime_checkable
class Cleanable(Protocol):
    """A target that keeps things on a device."""

    def clean(self) -> Removed:
        """Takes off what we put there; DeviceFailed."""
        ...


def take_off(line: Transport, folder: str) -> Removed:
    """Whatever of ours lies in our folder there, and the folder when nothing else is in it.

    DeviceFailed when somebody measures there now, or the folder cannot be written.
    """
    script = SCRIPT.format(folder=line.folder, names=" ".join(NAMES), busy=BUSY, refused=REFUSED)
    ended = line.shell(script, stage="clean", timeout=SECONDS)
    if ended.code == BUSY:
        raise line.failed("clean", "busy", "files are measured there now", WAIT)
    if ended.code:
        words = (ended.err.strip().splitlines() or [f"code {ended.code}"])[-1]
        raise line.failed("clean", "not-writable", f"its folder cannot be written ({words})", FORBIDDEN)
    found = re.findall(r"^(\d+)\s+(\S+)\s*$", ended.out.decode(errors="replace"), re.M)
    return Removed(folder, tuple(name for _, name in found), sum(int(size) for size, _ in found) * 1024)
