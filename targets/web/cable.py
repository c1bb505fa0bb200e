"""A phone on a cable: adb makes our port its own, so that the page is at localhost there, which is a secure context."""

from collections.abc import Iterator
from contextlib import contextmanager

from ..android import client

SECONDS = 10.0


@contextmanager
def reversed_port(port: int) -> Iterator[tuple[str, ...]]:
    """The serials of the attached phones on which localhost:port is ours, inside the block; none without adb."""
    serials = tuple(one for one in _ready() if _reverse(one, f"tcp:{port}", f"tcp:{port}"))
    try:
        yield serials
    finally:
        for one in serials:
            _reverse(one, "--remove", f"tcp:{port}")


def _ready() -> list[str]:
    """Phones that allow debugging."""
    adb = client.adb_program()
    return [one.serial for one in client.attached(adb) if one.state == "device"] if adb else []


def _reverse(serial: str, *arguments: str) -> bool:
    return not client.call(str(client.adb_program()), ("-s", serial, "reverse", *arguments), SECONDS).returncode
