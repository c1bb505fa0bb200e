"""A Raspberry Pi, or any other Linux machine that ssh reaches: files run there, in a process of their own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ...pipeline.artifact import Artifact
from ...pipeline.errors import BadInput, DeviceFailed
from ..devices.deployed import Deployed, deployed
from ..devices.leftovers import Removed, take_off
from ..devices.provision import provision
from ..devices.remote import machine_source, quoted, read_facts
from ..devices.transport import TRANSFER_SECONDS
from ..host import RUNTIMES
from ..target import Device, Evidence
from .ssh import Address, Ssh

PROBE_SECONDS, LIMIT_SECONDS = 60.0, 180.0
OLDEST_PYTHON = (3, 9)


@dataclass(frozen=True)
class RaspberryPi:
    """A device of the user's. `python` is the program that runs the agent there, `folder` ours there."""

    name: str
    address: Address
    python: str = "python3"
    folder: str = "~/.cache/edgestill"
    limit_seconds: float = LIMIT_SECONDS
    transfer_seconds: float = TRANSFER_SECONDS

    @property
    def evidence(self) -> Evidence:
        return Evidence.MEASURED

    @property
    def place(self) -> str:
        return self.address.typed()

    def probe(self) -> Device:
        """DeviceFailed when it cannot be reached, or has no Python."""
        with self._line() as line:
            facts = self._facts(line)
        return Device(f"{facts['cpu']}, {facts['cores']} cores, {facts['os']}", facts)

    @contextmanager
    def load(self, file: Artifact, threads: int = 1) -> Iterator[Deployed]:
        """The file, open in a process there that ends with the block; only the runtime, if sent, stays in our folder.

        BadInput for a kind that no runtime runs; BadModel when the runtime refuses the file; DeviceFailed.
        """
        if file.kind not in RUNTIMES:
            raise BadInput(f"{file.path.name}: {self.name} runs .onnx, .ort and .tflite files, not {file.kind}")
        with self._line() as line:
            facts = self._facts(line)
            provided = provision(line, facts, quoted(self.python), RUNTIMES[file.kind])
            with deployed(line, file, provided, facts, threads, self.limit_seconds) as opened:
                yield opened

    def clean(self) -> Removed:
        """Takes off what we keep there."""
        with self._line() as line:
            return take_off(line, self.folder)

    def _line(self) -> Ssh:
        return Ssh(self.name, self.address, self.folder, self.transfer_seconds)

    def _facts(self, line: Ssh) -> Mapping[str, Any]:
        """What the device says of itself."""
        ended = line.shell(
            f"exec {quoted(self.python)} -", stdin=machine_source(), stage="probe", timeout=PROBE_SECONDS
        )
        if ended.code in (126, 127):
            remedy = "install it there (`sudo apt install python3`), or name its `python` in targets.toml"
            raise line.failed("probe", "no-python", f"{self.python} is not there, or cannot be run", remedy)
        facts = read_facts(ended.out)
        if facts is None:
            raise self._unreadable(line, ended.out.decode(errors="replace") or ended.err)
        if tuple(int(part) for part in facts["python"].split(".")[:2]) < OLDEST_PYTHON:
            remedy = "name a newer `python` in targets.toml"
            raise line.failed("probe", "old-python", f"Python {facts['python']} is older than 3.9", remedy)
        return facts

    def _unreadable(self, line: Ssh, said: str) -> DeviceFailed:
        last = (said.strip().splitlines() or ["nothing"])[-1][:200]
        remedy = "`python` in targets.toml must name a Python of 3.9 or newer"
        return line.failed("probe", "bad-answer", f"{self.python} said {last!r} instead of what it is", remedy)
