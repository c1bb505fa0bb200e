"""The way to a device: programs run there, files go there and come back; only what is behind this knows the wire."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Completed:
    """A program that ended on the device."""

    code: int
    out: bytes
    err: str


class Transport(Protocol):
    """A connection that stands. Every method raises DeviceFailed when the connection breaks or time runs out.

    Names of files are relative to the device's folder for us, unless they begin with a slash.
    """

    def command(self, argv: Sequence[str]) -> tuple[str, ...]:
        """What to start here, so that the program runs there with our standard input, output and error."""
        ...

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float, stage: str) -> Completed:
        """Runs a program there to its end."""
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
