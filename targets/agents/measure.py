"""Runs one model file where it lies and times it: a JSON line asks, JSON lines answer. Python 3.9, numpy, one runtime.

  {"do": "load", "file": PATH, "runtime": "litert", "threads": 1}                            -> ready
  {"do": "infer", "inputs": [PATH.npy, ...] or null, "seed": 0, "folder": PATH or null}      -> result
  {"do": "measure", "warmup": 10, "warmup_seconds": 0.05, "runs": 200, "seconds": 5.0}       -> progress ..., result
  {"do": "sustain", "seconds": 600.0, "period": 60.0}                                        -> progress ..., result

The last two take "cores", the processors to run on, and "rest_seconds" with "below": how long to do nothing before, or
until it is cooler than so many degrees. All times are of a clock that nobody can set. `timing.py` and `telemetry.py`
lie beside.
Requests come on standard input, one a line; whatever goes wrong is answered by an `error` event that names the step.
The process opens no port. It ends as soon as standard input ends, so keep that open until the answer has come. With
"limit_seconds" in a request the kernel ends it with SIGALRM when they are over, even inside a runtime that hangs.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import importlib
import importlib.metadata
import json
import os
import queue
import re
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from telemetry import pin, rest, status, telemetry  # type: ignore[import-not-found]
from timing import sampled, timed  # type: ignore[import-not-found]

LIMIT_SECONDS = 600.0
MODULES = {  # runtime -> module, distribution
    "litert": ("ai_edge_litert.interpreter", "ai-edge-litert"),
    "tflite-runtime": ("tflite_runtime.interpreter", "tflite-runtime"),
    "onnxruntime": ("onnxruntime", "onnxruntime"),
}
ONNX_TYPES = {"float": "float32", "float16": "float16", "double": "float64"}  # the others are called as in numpy


class Refused(Exception):
    """A request that cannot be served; `code` names the reason in one word, for programs."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class LiteRT:
    """A .tflite file in LiteRT with its default kernels."""

    def __init__(self, module: Any, file: str, threads: int) -> None:
        self.interpreter = module.Interpreter(model_path=file, num_threads=threads)
        self.interpreter.allocate_tensors()
        self.ins, self.outs = self.interpreter.get_input_details(), self.interpreter.get_output_details()
        self.inputs = [(one["name"], [int(n) for n in one["shape"]], one["dtype"].__name__) for one in self.ins]
        self.run, self.call = self.interpreter.invoke, "invoke"
        operators: list[Any] = getattr(self.interpreter, "_get_ops_details", list)()  # LiteRT names it nowhere else
        self.delegate = "XNNPACK" if any(one["op_name"] == "DELEGATE" for one in operators) else "none"

    def feed(self, arrays: list[Any]) -> None:
        for index, array in enumerate(arrays):
            self.interpreter.set_tensor(self.ins[index]["index"], array)

    def fetch(self) -> list[Any]:
        return [self.interpreter.get_tensor(one["index"]) for one in self.outs]


class OnnxRuntime:
    """An .onnx file's own bytes, without weights beside, in ONNX Runtime; bound once, so that a call copies nothing."""

    def __init__(self, module: Any, file: str, threads: int) -> None:
        options = module.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
        try:
            self.session = module.InferenceSession(Path(file).read_bytes(), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            if "External data" not in str(error):
                raise
            raise Refused("weights-beside", "weights lie in another file; export with external_data=False") from error
        self.inputs = [self.describe(one) for one in self.session.get_inputs()]
        self.binding, self.call = self.session.io_binding(), "run_with_iobinding"
        self.delegate = ", ".join(self.session.get_providers())

    @staticmethod
    def describe(value: Any) -> tuple[str, list[int], str]:
        """Name, shape (free dimensions become 1), numpy's name of the type."""
        name = re.sub(r"^tensor\((\w+)\)$", r"\1", value.type)
        if "(" in name or name == "string":
            raise Refused("input-type", f"input {value.name!r} is a {value.type}; only tensors of numbers fit")
        shape = [n if isinstance(n, int) and n > 0 else 1 for n in value.shape]
        return value.name, shape, ONNX_TYPES.get(name, name)

    def feed(self, arrays: list[Any]) -> None:
        for index, array in enumerate(arrays):
            self.binding.bind_cpu_input(self.inputs[index][0], array)
        for output in self.session.get_outputs():
            self.binding.bind_output(output.name)

    def run(self) -> None:
        self.session.run_with_iobinding(self.binding)

    def fetch(self) -> list[Any]:
        return list(self.binding.copy_outputs_to_cpu())


class Agent:
    """Answers the requests of one conversation about one file; `say` writes an event line."""

    def __init__(self, say: Callable[..., None]) -> None:
        self.say, self.model, self.fed, self.first_us = say, None, None, None  # type: Callable[..., None], Any, Any, Any
        self.cores = len(os.sched_getaffinity(0))

    def load(self, file: str, runtime: str, threads: int = 1, sha256: str | None = None) -> None:
        if sha256 and hashlib.sha256(Path(file).read_bytes()).hexdigest() != sha256:
            raise Refused("damaged-copy", "the file did not arrive whole")
        name, distribution = MODULES[runtime]
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            raise Refused("runtime-missing", f"{error}; pip install {distribution}") from error
        gc.collect()
        with contextlib.suppress(OSError):  # VmHWM falls to what is resident, and speaks of the model alone
            Path("/proc/self/clear_refs").write_text("5")
        self.before = status("VmRSS")
        self.model = (OnnxRuntime if runtime == "onnxruntime" else LiteRT)(module, file, threads)
        facts = {"name": runtime, "version": importlib.metadata.version(distribution), "threads": threads}
        self.say(
            "ready",
            runtime={**facts, "delegate": self.model.delegate, "call": self.model.call},
            inputs=[{"name": name, "shape": shape, "dtype": dtype} for name, shape, dtype in self.model.inputs],
        )

    def infer(self, inputs: list[str] | None = None, seed: int = 0, folder: str | None = None) -> None:
        self.feed(inputs, seed)
        self.call()
        outputs = self.model.fetch()
        for index, array in enumerate(outputs if folder else []):
            np.save(Path(str(folder), f"output{index}.npy"), array)
        self.say("result", first_us=self.first_us, output_sha256=digest(outputs), outputs=len(outputs))

    def measure(
        self, runs: int, seconds: float, warmup: int = 10, warmup_seconds: float = 0.0, seed: int = 0, **around: Any
    ) -> None:
        affinity = self.prepare(seed, **around)
        before, warm_at, warm = telemetry(), time.perf_counter() + warmup_seconds, 0
        while warm < warmup or time.perf_counter() < warm_at:
            self.call()
            warm += 1
        switches = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
        samples = timed(self.model.run, runs, seconds, lambda done: self.say("progress", done=done, total=runs))
        self.say(
            "result",
            first_us=self.first_us,
            latency_us=[nanoseconds / 1e3 for nanoseconds in samples],
            clock_us=sorted(timed(lambda: None, 200, 1.0, lambda done: None))[100] / 1e3,
            interruptions=resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw - switches,
            memory={"before": self.before, "peak": status("VmHWM")},  # bytes resident before it was opened, since
            output_sha256=digest(self.model.fetch()),
            cores=self.cores,
            affinity=affinity,
            before=before,
            after=telemetry(),
        )

    def sustain(self, seconds: float, period: float = 60.0, seed: int = 0, **around: Any) -> None:
        """Calls without a pause; of every period some calls, and what the machine says at its end."""
        self.prepare(seed, **around)
        start, periods = time.perf_counter(), []  # type: float, list[dict[str, Any]]
        while (spent := time.perf_counter() - start) < seconds:
            calls, kept = sampled(self.model.run, min(period, seconds - spent))
            microseconds = [nanoseconds / 1e3 for nanoseconds in kept]
            periods.append({"calls": calls, "latency_us": microseconds, "facts": telemetry()})
            done = min(seconds, time.perf_counter() - start)
            self.say("progress", done=done, total=seconds, p50=sorted(microseconds)[len(microseconds) // 2])
            periods[-1]["end"] = done
        self.say("result", periods=periods)

    def prepare(self, seed: int, cores: list[int] = [], rest_seconds: float = 0.0, below: float | None = None) -> Any:  # noqa: B006
        """Rests, then feeds the file; the processors that it runs on."""
        rest(rest_seconds, below)
        self.feed(None, seed)
        found = pin(cores)
        if cores and found != sorted(set(cores)):
            raise Refused("cores", f"not all of the processors {cores} are there; it has {os.cpu_count()}, from 0 on")
        return found

    def feed(self, inputs: list[str] | None, seed: int) -> None:
        """Fills the inputs from these files, or from the seed; not again when they hold that seed already."""
        if self.model is None:
            raise Refused("not-loaded", "no file is loaded")
        if inputs is None and self.fed == seed:
            return
        arrays = [np.load(path, allow_pickle=False) for path in inputs or []]
        if inputs is None:
            arrays = [seeded(one[1], one[2], seed + index) for index, one in enumerate(self.model.inputs)]
        if len(arrays) != len(self.model.inputs):
            raise Refused("inputs", f"{len(arrays)} inputs given, the file takes {len(self.model.inputs)}")
        self.model.feed(arrays)
        self.fed = None if inputs else seed

    def call(self) -> None:
        """One call; the first since the file was loaded is kept apart."""
        start = time.perf_counter_ns()
        self.model.run()
        if self.first_us is None:
            self.first_us = (time.perf_counter_ns() - start) / 1e3


def seeded(shape: list[int], dtype: str, seed: int) -> Any:
    """Inputs from a sha-256 counter stream: the same bytes with every numpy, and simple to repeat in any language."""
    count = int(np.prod(shape))
    np.empty(8 * max(count, 0), np.uint8)  # what is too large is told at once
    blocks = (hashlib.sha256(b"%d:%d" % (seed, block)).digest() for block in range(count // 32 + 1))
    octets = np.frombuffer(b"".join(blocks), np.uint8)[:count].reshape(shape)
    if dtype.startswith("float"):
        return ((octets.astype(np.float32) - 127.5) / 127.5).astype(dtype)
    if dtype in ("int8", "uint8"):
        return octets.view(dtype)
    return (octets & 1).astype(dtype)  # an index that every table holds


def digest(outputs: list[Any]) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in outputs)).hexdigest()


def listen(lines: queue.Queue[bytes]) -> None:
    """Hands on the lines of standard input; when that ends the host has gone, and so does this process."""
    for line in sys.stdin.buffer:
        lines.put(line)
    os._exit(0)


def main(kind: type[Agent] = Agent) -> None:
    os.chdir("/")  # where no file of the user's lies beside
    events = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a runtime prints must not mix with the events

    def say(event: str, **values: Any) -> None:
        print(json.dumps({"event": event, **values}), file=events, flush=True)

    lines: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=listen, args=(lines,), daemon=True).start()
    agent = kind(say)
    while True:
        request = json.loads(lines.get())
        step = request.pop("do")
        signal.setitimer(signal.ITIMER_REAL, request.pop("limit_seconds", LIMIT_SECONDS))
        try:
            getattr(agent, step)(**request)
        except Exception as error:
            say("error", step=step, code=getattr(error, "code", "failed"), message=str(error) or type(error).__name__)
        signal.setitimer(signal.ITIMER_REAL, 0)


if __name__ == "__main__":
    main()
