"""How a device comes to a runtime: one that is there; wheels resolved here and unpacked there; or a venv of its own."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...pipeline.errors import DeviceFailed
from ...pipeline.progress import say
from ..places import cache_folder
from ..setup.installation import version_of
from .transport import Transport
from .wheels import Platform, Unresolved, Wheels, wheels

IMPORTS = {
    "litert": "ai_edge_litert.interpreter",
    "tflite-runtime": "tflite_runtime.interpreter",
    "onnxruntime": "onnxruntime",
}
DISTRIBUTIONS = {"litert": "ai-edge-litert", "onnxruntime": "onnxruntime"}
INSTEAD = {"litert": ("litert", "tflite-runtime"), "onnxruntime": ("onnxruntime",)}
OLD_RUNTIME = ("tflite-runtime==2.14.0", "numpy<2")  # the last there is, built against numpy 1
IMPORT_SECONDS, VENV_SECONDS = 120.0, 900.0
NOEXEC = "failed to map segment"  # the loader's words for a library where nothing may run


@dataclass(frozen=True)
class Provision:
    """A runtime on the device: which one, the Python that runs it, what PYTHONPATH must be, and how it got there."""

    runtime: str
    python: str
    path: str
    how: str


def provision(line: Transport, facts: Mapping[str, Any], python: str, wanted: str) -> Provision:
    """A runtime that runs the files of `wanted`; DeviceFailed with what was tried when there is none.

    Nothing is installed into the device's own Python: wheels and venv lie in our folder there.
    """
    runtimes, last = INSTEAD[wanted], ""
    for runtime in runtimes:
        if facts["runtimes"].get(runtime) and starts(line, facts, python, "", runtime):
            return Provision(runtime, python, "", "there")
        for asked in _requirements(runtime, facts):
            try:
                packages = _resolved(asked, facts)
            except Unresolved as error:
                last = str(error)
                continue
            name = _pushed(line, packages)
            if starts(line, facts, python, name, runtime):
                return Provision(runtime, python, name, "wheels")
            last = f"{asked[0]} does not start there"
    if facts["bits"] == 64:
        try:
            return Provision(wanted, _venv(line, python, wanted), "", "venv")
        except Unresolved as error:
            last = f"{last}; {error}"
    raise _nothing(line, facts, runtimes, last)


def _requirements(runtime: str, facts: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    """What pip is asked for, the best first: our own version, so that outputs can be compared, then any."""
    if runtime == "tflite-runtime":
        old_numpy = (facts["numpy"] or "2").split(".")[0] == "1"
        if facts["bits"] == 64 or not old_numpy:
            yield OLD_RUNTIME
        else:
            yield OLD_RUNTIME[:1]  # the device's own numpy: there are no wheels of it
        return
    distribution = DISTRIBUTIONS[runtime]
    if ours := version_of(distribution):
        yield (f"{distribution}=={ours}",)
    yield (distribution,)


def _resolved(asked: Sequence[str], facts: Mapping[str, Any]) -> Wheels:
    name, _, glibc = facts["libc"].partition("-")
    if name != "glibc":
        raise Unresolved(f"{asked[0]} needs glibc, and there is {name or 'another C library'}")
    python = ".".join(facts["python"].split(".")[:2])
    arch = {("aarch64", 32): "armv7l", ("armv8l", 32): "armv7l"}.get((facts["arch"], facts["bits"]), facts["arch"])
    return wheels(
        asked, Platform(arch, python, glibc), cache_folder("wheels"), alone=len(asked) == 1 and "==2.14" in asked[0]
    )


def _pushed(line: Transport, packages: Wheels) -> str:
    """The folder's name there; it is sent once."""
    name = f"site-{packages.digest}"
    line.push({name: packages.archive()}, stage="provision")
    return name


def note_beside(path: str, facts: Mapping[str, Any], python: str) -> str:
    """The file by which wheels are known to start: another Python, or another system, is looked at anew."""
    looked_at = (python, *(facts[key] for key in ("python", "libc", "os")))
    return f"{path}.works-{hashlib.sha256(repr(looked_at).encode()).hexdigest()[:8]}"


def starts(line: Transport, facts: Mapping[str, Any], python: str, path: str, runtime: str) -> bool:
    """Whether it starts there; of wheels this is noted beside them and looked at once."""
    script, known = f"exec {python} -c 'import numpy, {IMPORTS[runtime]}'", note_beside(path, facts, python)
    if path:
        script = f'[ -e {known} ] || {{ (PYTHONPATH="$PWD/{path}" {script}) && touch {known}; }}'
    ended = line.shell(f"cd {line.folder} 2>/dev/null; {script}", stage="provision", timeout=IMPORT_SECONDS)
    if path and NOEXEC in ended.err:
        what = f"nothing may run from {line.folder}: its file system is mounted noexec"
        raise line.failed("provision", "noexec", what, "name a `folder` in targets.toml that lies elsewhere")
    return ended.code == 0


def _venv(line: Transport, python: str, runtime: str) -> str:
    """A Python with the runtime, installed there by pip; Unresolved when that fails, as it does without a network."""
    name, what = f"venv-{runtime}", DISTRIBUTIONS[runtime]
    say(f"{line.name}: installing {what} there, in {line.folder}/{name}; this takes some minutes")
    works = f"{name}/bin/python -c 'import {IMPORTS[runtime]}' 2>/dev/null"
    make = f"rm -rf {name} && {python} -m venv {name} && {name}/bin/pip install -q --only-binary=:all: {what}"
    script = (
        f"mkdir -p {line.folder} && cd {line.folder} && "
        f'{{ {works} || {{ {make}; }} >&2 || {{ rm -rf {name}; exit 1; }}; }} && echo "$PWD/{name}/bin/python"'
    )
    ended = line.shell(script, stage="provision", timeout=VENV_SECONDS)
    if ended.code:
        words = ended.err.strip().splitlines() or [f"code {ended.code}"]
        raise Unresolved(f"a venv there: {words[-1]}")
    return ended.out.decode().strip()


def _nothing(line: Transport, facts: Mapping[str, Any], runtimes: Sequence[str], last: str) -> DeviceFailed:
    system = f"{facts['os']}, {facts['bits']}-bit, Python {facts['python']}"
    what = f"no {' or '.join(runtimes)} for {system} ({last})"
    if facts["bits"] == 32:
        remedy = "a 64-bit system has one; on this one: `sudo apt install python3-numpy` with Python 3.11 and numpy 1"
        return line.failed("provision", "32-bit", what, remedy)
    remedy = f"`pip install {DISTRIBUTIONS[runtimes[0]]}` in a venv there, and name its `python` in targets.toml"
    return line.failed("provision", "no-runtime", what, remedy)
