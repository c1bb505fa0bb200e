"""This machine: every file in a process of its own, .onnx and .ort in ONNX Runtime, .tflite in LiteRT."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..pipeline.artifact import Artifact
from ..pipeline.errors import BadInput
from ..pipeline.scratch import scratch_folder
from . import machine
from .conversation import Conversation
from .target import Arrays, Device, Evidence, Plan, Samples

Runtime = Literal["onnxruntime", "litert"]
RUNTIMES: dict[str, Runtime] = {"onnx": "onnxruntime", "ort": "onnxruntime", "tflite": "litert"}
LIMIT_SECONDS = 120.0


@dataclass(frozen=True)
class Host:
    """The machine we run on. `runtime` is told by the file's kind unless given.

    A child that needs more than `limit_seconds`, beside the seconds of its plan, to answer is ended.
    """

    runtime: Runtime | None = None
    limit_seconds: float = LIMIT_SECONDS

    @property
    def name(self) -> str:
        return "host"

    @property
    def evidence(self) -> Evidence:
        return Evidence.MEASURED

    def probe(self) -> Device:
        facts = machine.facts()
        return Device(f"{facts['cpu']}, {facts['cores']} cores", facts)

    @contextmanager
    def load(self, file: Artifact, threads: int = 1) -> Iterator["HostLoaded"]:
        """The file, open in a child process that ends with the block.

        BadInput for a kind that no runtime here runs; BadModel when the runtime refuses the file; RuntimeDied.
        """
        runtime = self.runtime or RUNTIMES.get(file.kind)
        if runtime is None or RUNTIMES.get(file.kind) != runtime:
            raise BadInput(f"{file.path.name}: {self.name} runs .onnx, .ort and .tflite files, not {file.kind}")
        path = file.path.resolve()
        with scratch_folder() as folder, Conversation(path) as child:
            ready = child.ask("load", self.limit_seconds, file=str(path), runtime=runtime, threads=threads)
            yield HostLoaded(child, folder, self.limit_seconds, ready)


class HostLoaded:
    """A file open in a child process."""

    def __init__(self, child: Conversation, folder: Path, limit_seconds: float, ready: Mapping[str, Any]) -> None:
        self._child, self._folder, self._limit = child, folder, limit_seconds
        self.runtime: dict[str, Any] = ready["runtime"]
        self.inputs: list[dict[str, Any]] = ready["inputs"]  # name, shape, dtype of each

    def infer(self, inputs: Arrays | None = None) -> Arrays:
        """The outputs of one call; BadModel when the runtime refuses the inputs."""
        paths = None if inputs is None else [str(self._folder / f"input{index}.npy") for index in range(len(inputs))]
        for path, array in zip(paths or [], inputs or [], strict=True):
            np.save(path, np.ascontiguousarray(array))
        answer = self._child.ask("infer", self._limit, inputs=paths, folder=str(self._folder))
        return [np.load(self._folder / f"output{index}.npy") for index in range(answer["outputs"])]

    def measure(self, plan: Plan) -> Samples:
        """One round on seeded inputs."""
        answer = self._child.ask(
            "measure",
            self._limit + plan.seconds + plan.warmup_seconds,
            warmup=plan.warmup,
            warmup_seconds=plan.warmup_seconds,
            runs=plan.runs,
            seconds=plan.seconds,
        )
        memory = answer["memory"]
        known = memory["peak"] is not None and memory["before"] is not None
        return Samples(
            runtime=self.runtime,
            first_us=answer["first_us"],
            latency_us=tuple(answer["latency_us"]),
            peak_memory_bytes=max(0, memory["peak"] - memory["before"]) if known else None,
            output_sha256=answer["output_sha256"],
            facts={key: answer[key] for key in ("clock_us", "interruptions", "before", "after")},
        )
