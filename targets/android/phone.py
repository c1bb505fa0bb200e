"""An Android phone over adb: files run there in a runtime that we bring, or in the user's benchmark_model."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ...pipeline.artifact import Artifact
from ...pipeline.errors import BadInput
from ..devices.deployed import deployed
from ..devices.leftovers import Removed, take_off
from ..emulation.sysroot import GLIBC, PYTHON
from ..host import RUNTIMES
from ..target import Device, Evidence, Loaded
from .adb import Adb
from .benchmark_model import run_by_tool
from .bundle import OTHERWISE, provided
from .facts import phone_facts

Runner = Literal["bundle", "benchmark_model"]
FOLDER = "/data/local/tmp/edgestill"  # where adb's shell may write and start programs
LIMIT_SECONDS = 180.0


@dataclass(frozen=True)
class Phone:
    """A phone of the user's. `serial` as `adb devices` lists it, or address and port, or None for the only one there.

    `tool` is the benchmark_model that was built for it. `cores` are where files run unless a plan says otherwise.
    """

    name: str
    serial: str | None = None
    runner: Runner = "bundle"
    tool: Path | None = None
    cores: tuple[int, ...] = ()
    folder: str = FOLDER
    limit_seconds: float = LIMIT_SECONDS

    @property
    def evidence(self) -> Evidence:
        return Evidence.MEASURED

    @property
    def place(self) -> str:
        return f"adb {self.serial or 'phone'}"

    def probe(self) -> Device:
        """DeviceFailed when it cannot be reached; nothing is sent there."""
        with self._line() as line:
            facts = phone_facts(line)
        return Device(f"{facts['cpu']}, {facts['cores']} cores, {facts['os']}", {**facts, "runner": self.runner})

    @contextmanager
    def load(self, file: Artifact, threads: int = 1) -> Iterator[Loaded]:
        """The file, open there until the block ends; what runs it stays in our folder, in names of its digest.

        BadInput for a kind that the runner does not run; BadModel when the runtime refuses the file; DeviceFailed.
        """
        if file.kind not in RUNTIMES:
            raise BadInput(f"{file.path.name}: {self.name} runs .onnx, .ort and .tflite files, not {file.kind}")
        with self._line() as line:
            facts = phone_facts(line)
            if self.tool and self.runner == "benchmark_model":
                with run_by_tool(line, file, self.tool, facts, threads, self.cores) as told:
                    yield told
                return
            if facts["arch"] != "aarch64":
                what = f"its system is {facts['arch']}, and the bundle is for aarch64"
                raise line.failed("probe", "32-bit", what, OTHERWISE)
            runtime = provided(line, facts, RUNTIMES[file.kind])
            known: Mapping[str, Any] = {**facts, "libc": f"glibc-{GLIBC} (ours)", "python": PYTHON}
            with deployed(line, file, runtime, known, threads, self.limit_seconds, self.cores) as opened:
                yield opened

    def clean(self) -> Removed:
        """Takes off what we keep there."""
        with self._line() as line:
            return take_off(line, self.folder)

    def _line(self) -> Adb:
        return Adb(self.name, self.serial, self.folder)
