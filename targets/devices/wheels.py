"""Python packages for another machine, resolved on this one: nothing is compiled, nothing is installed there."""

import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...pipeline.errors import EdgestillError
from ...pipeline.progress import say
from ...pipeline.scratch import scratch_folder

OLDEST_GLIBC = 17  # of manylinux: 2.17
UNUSED = ("ai_edge_litert/libLiteRtWebGpuAccelerator.so", "bin")  # a fifth of the bytes, and never loaded
SECONDS = 600.0


class Unresolved(EdgestillError):
    """No set of wheels fits, or they cannot be had; the message holds pip's last words."""


@dataclass(frozen=True)
class Platform:
    """What wheels must fit: `arch` as the kernel names it, Python such as "3.11", glibc such as "2.36"."""

    arch: str
    python: str
    glibc: str

    def tags(self) -> list[str]:
        """Newest first, as pip's --platform takes them."""
        newest = int(self.glibc.split(".")[1])
        tags = [f"manylinux_2_{minor}_{self.arch}" for minor in range(newest, OLDEST_GLIBC - 1, -1)]
        return [*tags, f"manylinux2014_{self.arch}"] if tags else tags  # the older name of 2.17


@dataclass(frozen=True)
class Wheels:
    """Packages unpacked in `folder`; `digest` tells them from every other set."""

    folder: Path
    digest: str

    def archive(self) -> Path:
        """All of them in one file beside, packed once."""
        path = self.folder.with_name(f"{self.folder.name}.tar.gz")
        if not path.exists():
            with scratch_folder(self.folder.parent) as scratch:
                with tarfile.open(scratch / "packed", "w:gz", compresslevel=3) as tar:
                    tar.add(self.folder, ".")
                (scratch / "packed").rename(path)
        return path


def wheels(wanted: Sequence[str], platform: Platform, cache: Path, alone: bool = False) -> Wheels:
    """Packages such as "ai-edge-litert==2.3.0" for a platform, from the cache or from pip; `alone` without others.

    Unresolved when pip finds no fitting wheels, or does not reach its index.
    """
    asked = repr((sorted(wanted), platform, alone))
    folder = cache / f"wheels-{hashlib.sha256(asked.encode()).hexdigest()[:16]}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        say(f"bringing {' and '.join(wanted)} for Python {platform.python} on {platform.arch}, once, by pip")
        with scratch_folder(cache) as scratch:
            _install(wanted, platform, scratch / "site", alone)
            if not folder.is_dir():
                (scratch / "site").rename(folder)
    return Wheels(folder, _digest(folder))


def _install(wanted: Sequence[str], platform: Platform, into: Path, alone: bool) -> None:
    tags = [word for tag in platform.tags() for word in ("--platform", tag)]
    fit = ("--implementation", "cp", "--python-version", platform.python, "--only-binary=:all:")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--target", str(into), *tags, *fit]
    command += ["--disable-pip-version-check", *(("--no-deps",) if alone else ()), *wanted]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unresolved(f"pip did not end within {SECONDS:g} s") from error
    if ended.returncode:
        said = re.findall(r"^ERROR: (.+)$", ended.stderr, re.M) or ended.stderr.strip().splitlines()[-1:]
        raise Unresolved(f"pip finds no {' '.join(wanted)} for {platform.arch}, Python {platform.python}: {said[-1]}")
    for name in UNUSED:
        path = into / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _digest(folder: Path) -> str:
    """Of the digests of every file, as each package's RECORD lists them."""
    records = sorted(folder.glob("*.dist-info/RECORD"))
    return hashlib.sha256(b"".join(record.read_bytes() for record in records)).hexdigest()[:16]
