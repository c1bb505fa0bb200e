"""The adb program: the user's own, else the one that the wheel of adbutils carries; and which phones it sees."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ...pipeline.errors import MissingTool
from ..setup.installation import install_command

CLIENT_SECONDS = 30.0
NETWORK = re.compile(r"(.+):(\d+)")
PAIRS = 30  # the first version that knows `adb pair`


@dataclass(frozen=True)
class Attached:
    """A phone as adb lists it: `state` is "device" when it can be used; `model` is None when it is not told."""

    serial: str
    state: str
    model: str | None

    def __str__(self) -> str:
        return f"{self.serial} ({self.model or self.state})"


def adb_program() -> str | None:
    """That of PATH, else that of adbutils; None without either."""
    return shutil.which("adb") or _of_adbutils()


def required_adb(device: str) -> str:
    """MissingTool when there is none."""
    if found := adb_program():
        return found
    raise MissingTool(f"{device}: adb is missing; install it with: {install_command('android')}")


def version(adb: str) -> str | None:
    """Such as 36.0.0-13206524."""
    found = re.search(r"^Version (\S+)", call(adb, ("version",)).stdout, re.M)
    return found[1] if found else None


def knows_pairing(adb: str) -> bool:
    found = re.match(r"\d+", version(adb) or "")
    return bool(found and int(found[0]) >= PAIRS)


def attached(adb: str) -> list[Attached]:
    """Every phone that adb knows of, whatever its state; adb's server is started for it where none runs."""
    found = []
    for line in call(adb, ("devices", "-l")).stdout.splitlines():
        row = re.match(r"(\S+)\s+(no permissions|\S+)(.*)", line)
        if row and not line.startswith(("List of devices", "*", "adb")):
            model = re.search(r"\bmodel:(\S+)", row[3])
            found.append(Attached(row[1], row[2], model[1].replace("_", " ") if model else None))
    return found


def is_network(serial: str) -> bool:
    """Whether it is an address and a port, and not the number of a phone on a cable."""
    return NETWORK.fullmatch(serial) is not None


def call(adb: str, arguments: Sequence[str], seconds: float = CLIENT_SECONDS) -> "subprocess.CompletedProcess[str]":
    """What adb says to one command; an adb that hangs has said nothing. Its exit code tells little."""
    command = [adb, *arguments]
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def _of_adbutils() -> str | None:
    package = find_spec("adbutils")
    if package is None or package.origin is None:
        return None
    program = Path(package.origin).parent / "binaries" / "adb"
    return str(program) if os.access(program, os.X_OK) else None
