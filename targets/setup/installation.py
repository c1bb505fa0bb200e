"""How this very Python was set up, and the command that installs into it. It needs the standard library alone."""

import importlib.metadata
import importlib.util
import re
import shlex
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # the folder of the package: of an editable installation, the checkout
VENV = "edgestill-venv"


def version_of(distribution: str) -> str | None:
    """The installed version, told by its metadata; None when it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def wanted() -> Mapping[str, str]:
    """Distribution -> the versions that edgestill asks for, such as ">=2.6"; empty where it is not installed itself."""
    try:
        lines = importlib.metadata.requires("edgestill") or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    found = (re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*([^;]*)", line) for line in lines)
    return {match[1].lower(): match[2].strip() for match in found if match}


def fits(version: str, wanted: str) -> bool:
    """Whether a version is at least, or exactly, what is wanted; release numbers are all that is looked at."""
    for sign, least in re.findall(r"(>=|==)\s*([\d.]+)", wanted):
        ours, theirs = _numbers(version), _numbers(least)
        if ours < theirs or (sign == "==" and ours != theirs):
            return False
    return True


def install_command(extra: str = "", again: str = "") -> str:
    """What a shell must be told to install edgestill's own parts, or those of an extra, or one package `again`.

    A Python that belongs to the system takes no packages: there it makes a virtual environment first.
    """
    python, what = shlex.quote(sys.executable), _edgestill(extra)
    if again:
        what = f"--force-reinstall --no-deps {shlex.quote(again)}"
    if is_managed():
        made = f"{python} -m venv {VENV} && "
        return f"{made}{VENV}/bin/python -m pip install {what}"
    return f"{python} -m pip install {what}"


def is_managed() -> bool:
    """Whether this is the system's own Python, into which pip refuses to install."""
    marker = Path(sysconfig.get_path("stdlib")) / "EXTERNALLY-MANAGED"
    return sys.prefix == sys.base_prefix and marker.exists()


def lacks_installer() -> str | None:
    """The command that brings what `install_command` runs; None when it is there."""
    from .parts import apt_get

    needs = "ensurepip" if is_managed() else "pip"
    if importlib.util.find_spec(needs):
        return None
    if needs == "pip" and importlib.util.find_spec("ensurepip"):
        return f"{shlex.quote(sys.executable)} -m ensurepip --upgrade"
    return apt_get("python3-venv python3-pip")


def _edgestill(extra: str) -> str:
    """edgestill as pip takes it: its checkout where there is one, so that pip reads what it wants now; else by name."""
    brackets = f"[{extra}]" if extra else ""
    if (ROOT / "pyproject.toml").is_file():
        return f"-e {shlex.quote(f'{ROOT}{brackets}')}"
    return shlex.quote(f"edgestill{brackets}")  # it is installed: pip adds what lacks


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"[\d.]+", version)
    numbers = [int(part) for part in found[0].split(".") if part] if found else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
