"""This machine: every file in a process of its own, .onnx and .ort in ONNX Runtime, .tflite in LiteRT."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from ..pipeline.artifact import Artifact
from ..pipeline.errors import BadInput
from ..pipeline.scratch import scratch_folder
from . import machine
from .conversation import AGENT, Conversation
from .opened import Opened, Shared
from .target import HERE, Device, Evidence

Runtime = Literal["onnxruntime", "litert"]
RUNTIMES: dict[str, Runtime] = {"onnx": "onnxruntime", "ort": "onnxruntime", "tflite": "litert"}
LIMIT_SECONDS = 120.0
MODULES: dict[Runtime, str] = {"onnxruntime": "onnxruntime", "litert": "ai_edge_litert.interpreter"}
CONFINED = str(resources.files("edgestill.targets") / "agents" / "confined.py")
MEMORY = 3 * 2**29  # bytes that a model may take to run, however small its file
MEMORY_OF_FILE = 16  # times its own bytes, besides


@dataclass(frozen=True)
class Host:
    """The machine we run on. `runtime` is told by the file's kind unless given.

    A child that needs more than `limit_seconds`, beside the seconds of its plan, to answer is ended; and it gets no
    more memory than a file of that size has reason to ask for.
    """

    runtime: Runtime | None = None
    limit_seconds: float = LIMIT_SECONDS

    @property
    def name(self) -> str:
        return "host"

    @property
    def evidence(self) -> Evidence:
        return Evidence.MEASURED

    @property
    def place(self) -> str:
        return HERE

    def probe(self) -> Device:
        facts = machine.facts()
        return Device(f"{facts['cpu']}, {facts['cores']} cores", facts)

    @contextmanager
    def load(self, file: Artifact, threads: int = 1) -> Iterator[Opened]:
        """The file, open in a child process that ends with the block.

        BadInput for a kind that no runtime here runs; BadModel when the runtime refuses the file; RuntimeDied.
        """
        runtime = self.runtime or RUNTIMES.get(file.kind)
        if runtime is None or RUNTIMES.get(file.kind) != runtime:
            raise BadInput(f"{file.path.name}: {self.name} runs .onnx, .ort and .tflite files, not {_named(file.kind)}")
        path = file.path.resolve()
        with scratch_folder() as folder, Conversation(path, _command(runtime, file)) as child:
            ready = child.ask("load", self.limit_seconds, file=str(path), runtime=runtime, threads=threads)
            yield Opened(child, Shared(folder), self.limit_seconds, ready, machine.facts())


def _command(runtime: Runtime, file: Artifact) -> tuple[str, ...]:
    return confined(AGENT[0], MODULES[runtime], file)


def confined(python: str, module: str, file: Artifact) -> tuple[str, ...]:
    """The agent's command: a file of a few bytes may ask for all the memory that there is."""
    return python, CONFINED, module, str(MEMORY + MEMORY_OF_FILE * file.bytes), AGENT[1]


def _named(kind: str) -> str:
    return "C packages; those run on emulated boards, such as --on emu:cortex-m4" if kind == "c" else kind
