"""This machine in another Python: one of the user's, or ours with the runtime that came before LiteRT."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..pipeline.artifact import Artifact
from ..pipeline.errors import BadInput, DeviceFailed
from ..pipeline.scratch import scratch_folder
from . import machine
from .conversation import Conversation
from .counts import Agreement
from .devices.agreement import agreement
from .devices.provision import DISTRIBUTIONS, IMPORTS, INSTEAD, OLD_RUNTIME
from .devices.remote import machine_source, read_facts
from .devices.wheels import Platform, Unresolved, Wheels, wheels
from .host import LIMIT_SECONDS, RUNTIMES, confined
from .opened import Opened, Shared
from .places import cache_folder
from .target import HERE, Device, Evidence, Plan, Samples

OLD = "tflite-runtime"
PROBE_SECONDS, IMPORT_SECONDS = 10.0, 120.0
MOST_BYTES = 1 << 20  # that a Python may say of itself


@dataclass(frozen=True)
class HostPython:
    """`python` runs files with the runtime that it has. Where it is None ours does, with tflite-runtime and the numpy
    that this needs unpacked in a folder of their own in the user's cache: nothing is installed into our Python.
    """

    name: str = f"host:{OLD}"
    python: str | None = None
    limit_seconds: float = LIMIT_SECONDS

    @property
    def evidence(self) -> Evidence:
        return Evidence.MEASURED

    @property
    def place(self) -> str:
        return HERE

    def probe(self) -> Device:
        """What the Python has; of wheels, what would be brought. DeviceFailed when it is not there."""
        if self.python is None:
            brought = {"runtimes": {OLD: OLD_RUNTIME[0].split("==")[1]}}
            return Device(f"this machine, with {OLD_RUNTIME[0]} in a folder of its own", {**machine.facts(), **brought})
        facts = self._facts(self.python)
        found = ", ".join(f"{name} {version}" for name, version in facts["runtimes"].items() if version)
        return Device(f"this machine, Python {facts['python']}, {found or 'no runtime'}", facts)

    @contextmanager
    def load(self, file: Artifact, threads: int = 1) -> Iterator["HostPythonLoaded"]:
        """The file, open in a child process of that Python. BadInput for a kind that it does not run; DeviceFailed when
        it has no runtime; BadModel when the runtime refuses the file; RuntimeDied.
        """
        wanted = RUNTIMES.get(file.kind)
        if wanted is None or (self.python is None and wanted != "litert"):
            kinds = ".tflite files" if self.python is None else ".onnx, .ort and .tflite files"
            raise BadInput(f"{file.path.name}: {self.name} runs {kinds}, not {file.kind}")
        python, environment = self._environment()
        runtime = self._runtime(python, environment, (OLD,) if self.python is None else INSTEAD[wanted])
        path, command = file.path.resolve(), confined(python, IMPORTS[runtime], file)
        with scratch_folder() as folder, Conversation(path, command, environment) as child:
            ready = child.ask("load", self.limit_seconds, file=str(path), runtime=runtime, threads=threads)
            yield HostPythonLoaded(Opened(child, Shared(folder), self.limit_seconds, ready, machine.facts()), file)

    def _environment(self) -> tuple[str, Mapping[str, str]]:
        """The Python, and what it is started with."""
        without = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        if self.python is not None:
            return str(Path(self.python).expanduser()), without
        return sys.executable, {**without, "PYTHONPATH": str(self._wheels().folder)}

    def _wheels(self) -> Wheels:
        facts = machine.facts()
        name, _, glibc = facts["libc"].partition("-")
        python = ".".join(facts["python"].split(".")[:2])
        try:
            if name != "glibc":
                raise Unresolved(f"{OLD} needs glibc, and there is {name or 'another C library'}")
            return wheels(OLD_RUNTIME, Platform(facts["arch"], python, glibc), cache_folder("wheels"))
        except Unresolved as error:
            remedy = (
                "take a virtual environment of Python 3.11 that has it: edgestill targets add old --kind host "
                "--python PATH/bin/python"
            )
            raise DeviceFailed(self.name, "provision", "no-runtime", str(error), remedy) from error

    def _runtime(self, python: str, environment: Mapping[str, str], candidates: tuple[str, ...]) -> str:
        """The first of these runtimes that starts there."""
        for runtime in candidates:
            if (
                self._started([python, "-c", f"import numpy, {IMPORTS[runtime]}"], environment, IMPORT_SECONDS)
                is not None
            ):
                return runtime
        what = f"{python} has no {' or '.join(candidates)}"
        packages = f"numpy {DISTRIBUTIONS.get(candidates[0], candidates[0])}"
        raise DeviceFailed(self.name, "provision", "no-runtime", what, f"{python} -m pip install {packages}")

    def _facts(self, python: str) -> Mapping[str, Any]:
        said = self._started([str(Path(python).expanduser()), "-"], None, PROBE_SECONDS, machine_source())
        facts = None if said is None else read_facts(said)
        if facts is None:
            what, remedy = (
                f"{python} is no Python that answers",
                "name a virtual environment's bin/python in targets.toml",
            )
            raise DeviceFailed(self.name, "probe", "no-python", what, remedy)
        return facts

    def _started(
        self, command: list[str], environment: Mapping[str, str] | None, seconds: float, given: bytes = b""
    ) -> bytes | None:
        """What the program says; None when it fails, or says more than any Python would. DeviceFailed when it is not
        there, or does not end."""
        try:
            return _said(command, environment, seconds, given)
        except OSError as error:
            remedy = "name a virtual environment's bin/python in targets.toml"
            raise DeviceFailed(self.name, "probe", "no-python", f"{command[0]}: {error.strerror}", remedy) from error
        except subprocess.TimeoutExpired as error:
            what = f"{command[0]} did not answer within {seconds:g} s"
            raise DeviceFailed(self.name, "probe", "no-answer", what, "try it by hand") from error


def _said(command: list[str], environment: Mapping[str, str] | None, seconds: float, given: bytes) -> bytes | None:
    """What a program prints; None when it fails, or prints MOST_BYTES, which ends it. TimeoutExpired; OSError."""
    piped, late = subprocess.PIPE, threading.Event()
    with subprocess.Popen(
        command, env=environment, stdin=piped, stdout=piped, stderr=subprocess.DEVNULL, start_new_session=True
    ) as child:
        assert child.stdin and child.stdout
        timer = threading.Timer(seconds, _end, (child, late))
        timer.start()
        try:
            with suppress(BrokenPipeError):
                child.stdin.write(given)
                child.stdin.close()
            printed = child.stdout.read(MOST_BYTES)
            whole = len(printed) < MOST_BYTES and child.wait() == 0
        finally:
            timer.cancel()
            _end(child)
    if late.is_set():
        raise subprocess.TimeoutExpired(command, seconds)
    return printed if whole else None


def _end(child: "subprocess.Popen[bytes]", late: threading.Event | None = None) -> None:
    """With all that it started, unless it has ended by itself; where it was `late` that is noted."""
    if late:
        late.set()
    with suppress(ProcessLookupError):
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)


class HostPythonLoaded:
    """A file open in another Python."""

    def __init__(self, opened: Opened, file: Artifact) -> None:
        self._opened, self._file = opened, file
        self._agreement: Agreement | None = None  # with LiteRT in our own Python, once known
        self.infer, self.inputs, self.runtime, self.sustain = (
            opened.infer,
            opened.inputs,
            opened.runtime,
            opened.sustain,
        )

    def measure(self, plan: Plan) -> Samples:
        """One round on seeded inputs; the first also holds the outputs against those of our own runtime."""
        samples = self._opened.measure(plan)
        if self._agreement is None:
            self._agreement = agreement(self._file, self._opened.infer())
        return replace(samples, agreement=self._agreement)
