"""What runs our agent on a phone that has no Python: Debian's for arm64, with its own C library and loader."""

import compileall
import hashlib
import py_compile
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...pipeline.disk import written_to
from ...pipeline.scratch import scratch_folder
from ..devices.provision import DISTRIBUTIONS, Provision, note_beside, starts
from ..devices.wheels import Platform, wheels
from ..emulation.sysroot import CURE, GLIBC, PYTHON, sysroot
from ..places import cache_folder
from ..setup.installation import version_of
from .adb import Adb

LOADER = "ld-linux-aarch64.so.1"
LIBRARIES = (  # what Python, numpy and the runtimes are linked with
    LOADER,
    *("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1", "libresolv.so.2"),
    *("libz.so.1", "libexpat.so.1", "libffi.so.8", "libbz2.so.1.0", "liblzma.so.5", "libstdc++.so.6", "libgcc_s.so.1"),
)
FOLDERS = ("usr/lib/aarch64-linux-gnu", "lib/aarch64-linux-gnu")
UNUSED = (
    "__pycache__",
    "test",
    "pydoc_data",
    "idlelib",
    "lib2to3",
    "ensurepip",
    "tkinter",
    "config-*",
    "sitecustomize.py",
)
LAYOUT = "1"  # changes when the bundle's does
SECONDS = 120.0
OTHERWISE = 'take a benchmark_model of yours (runner = "benchmark_model"), or the phone\'s browser (--on web)'


def provided(line: Adb, facts: Mapping[str, Any], runtime: str) -> Provision:
    """A runtime and all that it needs in our folder there, sent once; DeviceFailed when the phone runs no such thing.

    The loader goes alone at first: a phone that does not start it is sent nothing else.
    """
    bundle = bundle_of(runtime)
    found = Provision(runtime, command(bundle.name), f"{bundle.name}/site", "bundle")
    known = note_beside(found.path, facts, found.python)
    if line.shell(f"cd {line.folder} && [ -e {known} ]", stage="provision").code:
        _try_loader(line, bundle)
        line.push({bundle.name: bundle}, stage="provision")
        if not starts(line, facts, found.python, found.path, runtime):
            what = f"{runtime} of the bundle does not start there"
            raise line.failed("provision", "runtime-does-not-start", what, OTHERWISE)
    return found


def command(name: str) -> str:
    """What starts Python of a bundle in the folder where a shell is; Android's own libraries must stay out."""
    here = f'"$PWD/{name}'
    loader = f'{here}/lib/{LOADER}" --library-path {here}/lib" {here}/bin/python{PYTHON}"'
    return f'env LD_PRELOAD= LD_LIBRARY_PATH= PYTHONHOME={here}" {loader}'


def bundle_of(runtime: str) -> Path:
    """A folder whose name tells it from every other, made once: the Python and libraries of the system that emulated
    boards use, and the packages that they run."""
    system, distribution = sysroot(), DISTRIBUTIONS[runtime]
    asked = (f"{distribution}=={version_of(distribution)}",)
    packages = wheels(asked, Platform("aarch64", PYTHON, GLIBC), cache_folder("wheels"))
    status = (system / "var/lib/dpkg/status").read_bytes()
    digest = hashlib.sha256(status + repr((LAYOUT, LIBRARIES, UNUSED, packages.digest)).encode()).hexdigest()
    made = cache_folder("android") / f"{runtime}-{digest[:16]}"
    if not made.is_dir():
        with written_to(made.parent, CURE):
            made.parent.mkdir(parents=True, exist_ok=True)
            with scratch_folder(made.parent) as scratch:
                _fill(scratch / "bundle", system, packages.folder)
                if not made.is_dir():
                    (scratch / "bundle").rename(made)
    return made


def _fill(bundle: Path, system: Path, packages: Path) -> None:
    """Plain files alone: Android's tools keep no links."""
    for name in ("bin", "lib"):
        (bundle / name).mkdir(parents=True)
    for name in LIBRARIES:
        found = next(path for folder in FOLDERS if (path := system / folder / name).exists())
        shutil.copyfile(found, bundle / "lib" / name)
    shutil.copyfile(system / "usr/bin" / f"python{PYTHON}", bundle / "bin" / f"python{PYTHON}")
    library = f"lib/python{PYTHON}"
    shutil.copytree(system / "usr" / library, bundle / library, ignore=shutil.ignore_patterns(*UNUSED))
    shutil.copytree(packages, bundle / "site", ignore=shutil.ignore_patterns("__pycache__", ".warm-*"))
    for program in (bundle / "lib" / LOADER, bundle / "bin" / f"python{PYTHON}"):
        program.chmod(0o755)
    if ".".join(map(str, sys.version_info[:2])) == PYTHON:  # the phone need not compile them
        for folder in (bundle / library, bundle / "site"):
            unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
            compileall.compile_dir(folder, quiet=2, invalidation_mode=unchecked, stripdir=bundle)


def _try_loader(line: Adb, bundle: Path) -> None:
    name = f"loader-{bundle.name}"
    line.push({name: bundle / "lib" / LOADER}, stage="provision")
    ended = line.shell(
        f"cd {line.folder} && ./{name} --version; code=$?; rm {name}; exit $code", stage="provision", timeout=SECONDS
    )
    if ended.code:
        words = (ended.err.strip().splitlines() or [f"code {ended.code}"])[-1]
        what = f"it does not let its shell start programs of ours ({words})"
        raise line.failed("provision", "not-executable", what, OTHERWISE)
