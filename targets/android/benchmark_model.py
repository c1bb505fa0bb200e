"""TensorFlow Lite's benchmark_model as the runner: the user's own program, run on the phone, its words read."""

import hashlib
import shlex
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from ...pipeline.artifact import Artifact
from ...pipeline.errors import BadInput, EdgestillError
from ..devices.provision import Provision
from ..devices.remote import RemoteConversation
from ..devices.told import Told, read_told
from ..target import Arrays, Plan, Samples
from .adb import Adb
from .facts import phone_state

GRACE_SECONDS = 60.0  # for loading the file, besides what was asked for
KEPT = 40  # of the tool's last lines
KEPT_FACTS = ("cpu", "arch", "bits", "features", "memory_bytes", "os", "kernel", "libc", "python")
MISMATCH = "take the benchmark_model that was built for this phone (android_arm64 or android_arm)"


class ToolConversation(RemoteConversation):
    """Runs command lines on the device, in the shell's own folder; what they print comes back as text."""

    def __init__(self, file: Path, line: Adb, agent: str) -> None:
        self._words: list[str] = []
        super().__init__(file, line, Provision("benchmark_model", "sh", "", "pushed"), agent)

    def order(self, command: str, seconds: float) -> tuple[int, str]:
        """Its code and what it printed; DeviceFailed when the device or the tool does not come back."""
        self._words.clear()
        late = threading.Event()
        timer = threading.Timer(seconds + GRACE_SECONDS, self._give_up, [late])
        timer.start()
        try:
            event = self._exchange(f"{seconds:g} {command}\n".encode())
        finally:
            timer.cancel()
        if event is None:
            raise self._died("measure", seconds if late.is_set() else None)
        return int(event["code"]), "\n".join(self._words)

    def _event(self, line: bytes) -> dict[str, Any] | None:
        """What is no event are the tool's words."""
        event = super()._event(line)
        if event is None:
            self._words.append(line.decode(errors="replace").rstrip())
            del self._words[:-KEPT]
        return event or {"event": "progress"}


class ToolLoaded:
    """A file that the tool opens anew for every round."""

    def __init__(
        self,
        child: ToolConversation,
        line: Adb,
        file: Artifact,
        command: str,
        facts: Mapping[str, Any],
        runtime: Mapping[str, Any],
        cores: tuple[int, ...],
    ) -> None:
        self._child, self._line, self._file, self._command = child, line, file, command
        self._facts, self.runtime, self._cores = facts, runtime, cores

    def infer(self, inputs: Arrays | None = None) -> Arrays:
        raise EdgestillError(
            f'{self._file.path.name}: benchmark_model gives no outputs; take runner = "bundle" for them'
        )

    def measure(self, plan: Plan) -> Samples:
        """One round: the tool's own account of it, no single calls, no outputs."""
        seconds = plan.seconds + plan.warmup_seconds
        flags = {
            "num_runs": plan.runs,
            "min_secs": 0,
            "max_secs": plan.seconds,
            "warmup_runs": plan.warmup,
            "warmup_min_secs": plan.warmup_seconds,
        }
        cores = plan.cores or self._cores
        placed = f"taskset {mask(cores)} " if cores else ""
        before = phone_state(self._line, "measure")
        words = " ".join(f"--{name}={value:g}" for name, value in flags.items())
        code, said = self._child.order(f"{placed}{self._command} {words}", seconds + GRACE_SECONDS)
        told = self._read(code, said)
        runtime = {**self.runtime, "delegate": told.delegate, "affinity": list(cores) or None}
        device = {key: self._facts.get(key) for key in KEPT_FACTS}
        facts = {
            "cores": self._facts["cores"],
            "clock_us": 0.0,
            "interruptions": None,
            "before": before,
            "after": phone_state(self._line, "measure"),
            "device": device,
        }
        return Samples(runtime, told.first, (), told.memory_bytes, facts=facts, told=told)

    def _read(self, code: int, said: str) -> Told:
        told = read_told(said)
        if not code and told:
            return told
        lines = [line for line in said.splitlines() if line.strip()]
        last = lines[-1] if lines else "nothing"
        if code == 128 + signal.SIGKILL:
            remedy = "allow fewer runs, or see what keeps it busy"
            raise self._line.failed(
                "measure", "timeout", f"{self._file.path.name}: benchmark_model did not end", remedy
            )
        if code in (126, 127):
            raise self._line.failed(
                "measure", "tool-does-not-start", f"benchmark_model does not start ({last})", MISMATCH
            )
        what = f"{self._file.path.name}: benchmark_model ended with code {code} and said {last!r}"
        raise self._line.failed("measure", "tool-failed", what, "see whether it runs this file by hand in `adb shell`")


@contextmanager
def run_by_tool(
    line: Adb, file: Artifact, tool: Path, facts: Mapping[str, Any], threads: int, cores: tuple[int, ...] = ()
) -> Iterator[ToolLoaded]:
    """The file on the phone while the block runs; the tool stays in our folder. BadInput; DeviceFailed."""
    if file.kind != "tflite":
        raise BadInput(f"{file.path.name}: benchmark_model runs .tflite files, not {file.kind}")
    digest = hashlib.sha256(tool.read_bytes()).hexdigest()
    agent = Path(str(resources.files("edgestill.targets") / "agents" / "tool.sh"))
    names = (f"benchmark_model-{digest[:16]}", f"tool-{hashlib.sha256(agent.read_bytes()).hexdigest()[:16]}.sh")
    line.push(dict(zip(names, (tool, agent), strict=True)))
    line.shell(f"chmod 755 {line.folder}/{names[0]}", stage="push")
    with ToolConversation(file.path.resolve(), line, names[1]) as child:
        there = child.folder()
        line.send({"model.tflite": file.path.resolve()}, there)
        program = f"{there.rpartition('/')[0]}/{names[0]}"
        command = f"{shlex.quote(program)} --graph={shlex.quote(f'{there}/model.tflite')} --num_threads={threads}"
        runtime = {
            "name": "benchmark_model",
            "version": digest[:16],
            "sha256": digest,
            "threads": threads,
            "provision": "pushed",
            "call": "its own",
        }
        yield ToolLoaded(child, line, file, command, facts, runtime, cores)


def mask(cores: tuple[int, ...]) -> str:
    """As taskset takes it on Android: a hexadecimal number with a bit for each."""
    return f"{sum(1 << core for core in set(cores)):x}"
