"""The programs that build and emulate, where they are found, and the command that brings each of them."""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ...pipeline.errors import EdgestillError
from ..setup.installation import install_command
from ..setup.parts import PROGRAMS, apt_get

GCC, QEMU = (program.command for program in PROGRAMS[:2])
BRINGS_GCC, BRINGS_QEMU = (apt_get(program.packages) for program in PROGRAMS[:2])
LINES = 12  # of what a compiler says, at most


def has_program(name: str) -> bool:
    return shutil.which(name) is not None


def has_newlib(command: str) -> bool:
    """Whether Arm's gcc finds its C library, which is a package of its own; any other program needs none."""
    if command != GCC:
        return True
    told = subprocess.run([GCC, "-print-file-name=libc.a"], capture_output=True, text=True, check=False)
    return Path(told.stdout.strip()).is_absolute()


def has_module(name: str) -> bool:
    """Whether a Python package is installed; it is not imported."""
    return find_spec(name) is not None


def python_module(name: str) -> tuple[str, ...]:
    """The command that runs a Python package as a program."""
    return (sys.executable, "-P", "-m", name)


def host_compiler() -> tuple[str, ...] | None:
    """What compiles C for the machine we run on; None when there is nothing."""
    for name in ("cc", "gcc", "clang"):
        if has_program(name):
            return (name,)
    return (*python_module("ziglang"), "cc") if has_module("ziglang") else None


def cure(debian: str) -> str:
    """A Debian package with root, or the extra `mcu` without."""
    return f"{debian}; or, without root: {install_command('mcu')}"


@cache
def version_line(command: tuple[str, ...]) -> str:
    """The first line that a program prints of its version."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return (ended.stdout or ended.stderr).strip().split("\n")[0]


def version_number(command: str, asks: str = "--version") -> str:
    """What a program says of its version, the number alone."""
    line = re.sub(r"\([^)]*\)", "", version_line((command, asks)))
    found = re.search(r"\d+(\.\d+)+", line)
    return found[0] if found else line


def build(command: Sequence[str], folder: Path, what: str) -> None:
    """Runs a compiler in a folder; EdgestillError with its own words when it fails."""
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, errors="replace", check=False, stdin=subprocess.DEVNULL
    )
    if ended.returncode:
        said = "\n".join(f"  {line}" for line in ended.stderr.strip().splitlines()[:LINES])
        raise EdgestillError(f"{what}: {command[0]} ended with code {ended.returncode}:\n{said}")
