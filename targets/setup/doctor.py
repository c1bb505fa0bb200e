"""What is here, what is missing or broken, and the command that cures it: it needs the standard library alone."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

from ...pipeline.keeping.root import default_root
from ..emulation.tools import has_newlib, has_program, version_number
from .installation import fits, install_command, lacks_installer, version_of, wanted
from .parts import EITHER, FILES, PACKAGES, PROGRAMS, TARGETS, Files, Package, Program, apt_get

__all__ = ["TARGETS", "Finding", "examine"]

MINIMUM_FREE = 2 << 30  # bytes: a run of a shipped recipe stays far below
IMPORT_SECONDS = 120.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for: what was found, None when it is missing, and the problem that it has, if any.

    Those that are `needed` make the doctor unhappy when they are missing or have a problem.
    """

    what: str
    found: str | None
    needed: bool
    serves: str
    cure: str
    problem: str | None = None

    @property
    def fine(self) -> bool:
        return self.found is not None and self.problem is None

    @property
    def healthy(self) -> bool:
        return self.fine or not self.needed

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "healthy": self.healthy}


def examine(target: str | None = None) -> Iterator[Finding]:
    """What this machine needs for every command of this version, or for one target alone; one finding each."""
    yield _python()
    looked_at = [package for package in PACKAGES if target is None or package.name in TARGETS[target]]
    missing = [package for package in looked_at if version_of(package.name) is None]
    if missing and (cure := lacks_installer()):
        yield Finding("pip", None, True, "installing what is missing below", cure)
    programs = [program for program in PROGRAMS if target is None or program.name in TARGETS[target]]
    with ThreadPoolExecutor(2) as pool:
        found = [*pool.map(_package, looked_at), *pool.map(_program, programs)]
    found += [_files(files) for files in FILES if target is None or files.name in TARGETS[target]]
    yield from found if target is None else _one_of_each_pair(found)
    if target is None:
        yield _store()


def _python() -> Finding:
    version, cure = platform.python_version(), "install Python 3.11 or newer, and edgestill with it"
    problem = None if sys.version_info >= (3, 11) else "too old"
    return Finding("Python", version, True, "everything; 3.11 or newer", cure, problem)


def _package(package: Package) -> Finding:
    """By its metadata, and by an import in a child process, where it has code that we run."""
    version, asked = version_of(package.name), wanted().get(package.name, "")
    cure, problem = install_command(package.extra), None
    if version and not fits(version, asked):
        problem = f"{asked} is wanted"
    elif version and package.module and (words := _broken(package.module)):
        problem, cure = f"cannot be imported: {words}", install_command(again=f"{package.name}{asked}")
    return Finding(package.name, version, package.needed, package.serves, cure, problem)


def _program(program: Program) -> Finding:
    """By the version that it prints; Arm's gcc comes without a C library, which is a package of its own."""
    version = version_number(program.command, program.asks) if has_program(program.command) else None
    problem = None if version is None or has_newlib(program.command) else "newlib is missing"
    return Finding(program.name, version, False, program.serves, apt_get(program.packages), problem)


def _one_of_each_pair(findings: Sequence[Finding]) -> Iterator[Finding]:
    """For one target: where two serve the same, both are needed only when neither is there."""
    fine = {finding.what for finding in findings if finding.fine}
    replaced = {name for pair in EITHER for name in pair if fine & set(pair)}
    wanted = {name for pair in EITHER for name in pair} - replaced
    for finding in findings:
        yield replace(finding, needed=finding.needed or finding.what in wanted)


def _broken(module: str) -> str | None:
    """The last words of a Python that imports the module; None when it can."""
    command = [sys.executable, "-P", "-c", f"import {module}"]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=IMPORT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"it took longer than {IMPORT_SECONDS:g} s"
    if not ended.returncode:
        return None
    return _last(ended.stderr.strip().splitlines()) or f"Python ended with code {ended.returncode}"


def _last(lines: Sequence[str]) -> str:
    return lines[-1] if lines else ""


def _files(files: Files) -> Finding:
    there = files.path.is_file() or (files.path.is_dir() and any(files.path.iterdir()))
    return Finding(files.name, str(files.path) if there else None, False, files.serves, files.cure)


def _store() -> Finding:
    """Whether there is a place to keep things, and room in it."""
    serves, cure = "keeping what was made", "export EDGESTILL_STORE=/a/folder/of/yours/on/a/disk/with/room"
    try:
        root = default_root().absolute()
    except ModuleNotFoundError:
        return Finding("store", None, True, serves, install_command(), "platformdirs is missing")
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    problem = None
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        problem = f"{there} cannot be written"
    elif free < MINIMUM_FREE:
        problem, cure = "less than 2 GB free", f"edgestill store prune, or {cure}"
    return Finding("store", f"{root}, {free / (1 << 30):.1f} GB free", True, serves, cure, problem)
