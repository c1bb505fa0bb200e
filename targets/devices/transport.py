"""The way to a device: programs run there, files go there and come back; only what is behind this knows the wire."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ...pipeline.errors import DeviceFailed
from ...pipeline.progress import say

TRANSFER_SECONDS = 600.0
WORTH_SAYING = 4 << 20  # bytes to send
FULL = "free some room there (`df -h`), or name another `folder` in targets.toml"
SLOW = "bring it nearer (a cable), or put the runtime there yourself and name its `python` in targets.toml"
FORBIDDEN = "name a `folder` in targets.toml that this user may write"


def say_sending(name: str, size: int, folder: str) -> None:
    """Tells the user of a transfer that takes a while, and how what it leaves there is taken off again."""
    if size > WORTH_SAYING:
        say(f"{name}: sending {size / 1e6:.0f} MB into {folder}, once; `edgestill targets clean {name}` takes it off")


@dataclass(frozen=True)
class Completed:
    """A program that ended on the device."""

    code: int
    out: bytes
    err: str


class Transport(Protocol):
    """A connection that stands. Every method raises DeviceFailed when the connection breaks or time runs out.

    `name` is the device's for people, `folder` ours there as a shell takes it. Names of files are relative to it.
    """

    name: str
    folder: str

    def command(self, argv: Sequence[str]) -> tuple[str, ...]:
        """What to start here, so that the program runs there with our standard input, output and error."""
        ...

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float, stage: str) -> Completed:
        """Runs a program there to its end."""
        ...

    def shell(self, script: str, *, stdin: bytes = b"", stage: str, timeout: float | None = None) -> Completed:
        """Runs a shell's script there, whatever the user's own shell is; it has time for a transfer unless said."""
        ...

    def push(self, files: Mapping[str, Path], *, stage: str = "push") -> None:
        """Puts files there under names that carry their digests: what is there already is not sent again."""
        ...

    def send(self, files: Mapping[str, Path], folder: str) -> None:
        """Puts files into a folder that is there."""
        ...

    def pull(self, names: Sequence[str], folder: str, into: Path) -> None:
        """Brings files of a folder there into a folder here."""
        ...

    def failed(self, stage: str, code: str, what: str, remedy: str) -> DeviceFailed:
        """An error about this device."""
        ...

    def lost(self, stage: str, said: str) -> DeviceFailed:
        """Why the connection broke; `said` is what its program wrote to standard error."""
        ...
