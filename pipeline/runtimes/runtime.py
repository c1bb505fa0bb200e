"""Run a model file for its numbers, in a child process: a foreign file may end a process, but not ours."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from ..disk import no_space
from ..errors import BadInput, BadModel, RuntimeDied
from ..scratch import CURE, scratch_folder
from .exchange import SHORT_OF, Answer, Request, read_answer, read_arrays, read_step, write_arrays, write_request
from .interface import Interface, Port, describe

Runtime = Literal["onnxruntime", "onnxruntime-layers", "litert", "litert-reference", "tflite-micro", "numpy"]
TIMEOUT = 300.0  # seconds
LAST_WORDS = 3  # lines of a runtime's standard error that an error repeats

__all__ = ["Arena", "Interface", "Outputs", "Port", "Runtime", "arena_bytes", "describe", "run", "survive"]


@dataclass(frozen=True)
class Outputs:
    """The file's outputs in its order, (n, ...); every intermediate by name when asked for; the runtime's facts.

    Facts hold at least "runtime" and "version"; TFLite Micro adds "arena": bytes total, head and tail.
    """

    outputs: list[NDArray[Any]]
    tensors: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Arena:
    """What TFLite Micro allocates, in bytes: head is activations and scratch, tail what lasts; 64-bit pointers here."""

    total: int
    head: int
    tail: int


def run(
    path: Path,
    inputs: Sequence[NDArray[Any]],
    runtime: Runtime,
    *,
    every_tensor: bool = False,
    timeout: float = TIMEOUT,
) -> Outputs:
    """The numbers that a runtime gives for inputs (n, ...), laid out and typed as the file wants them; one thread.

    A file of fixed batch is run as often as n needs. Raises BadModel with the runtime's own words when it refuses the
    file or the arrays, RuntimeDied when the child ends by a signal or takes longer than `timeout` seconds.
    """
    lengths = {len(array) for array in inputs}
    if len(lengths) != 1 or 0 in lengths:
        raise BadInput(
            f"{path.name}: inputs hold {sorted(lengths)} samples; every input needs the same number, at least 1"
        )
    with scratch_folder() as folder:
        write_arrays(folder, "inputs", inputs)
        answer = _ask(folder, Request(str(path.resolve()), runtime, every_tensor), timeout)
        tensors = dict(zip(answer.names, read_arrays(folder, "tensors"), strict=True))
        return Outputs(read_arrays(folder, "outputs"), tensors, answer.facts)


def survive(path: Path, timeout: float = TIMEOUT) -> None:
    """Reads somebody's ONNX file in a child process first: RuntimeDied when that ends the child, and we live on.

    What is merely wrong with a file is told by whoever reads it next. Our readers of TFLite are Python alone.
    """
    if path.suffix == ".onnx" and path.is_file():
        with scratch_folder() as folder, suppress(BadModel):
            _ask(folder, Request(str(path.resolve()), "numpy", runs=False), timeout)


def arena_bytes(path: Path, timeout: float = TIMEOUT) -> Arena:
    """What TFLite Micro allocates for a .tflite file before its first run; raises as `run` does."""
    with scratch_folder() as folder:
        request = Request(str(path.resolve()), "tflite-micro", runs=False)
        return Arena(**_ask(folder, request, timeout).facts["arena"])


def _ask(folder: Path, request: Request, timeout: float) -> Answer:
    write_request(folder, request)
    place = f"{Path(request.path).name}: {request.runtime}"
    try:
        done = _in_child(folder, timeout)
    except subprocess.TimeoutExpired as error:
        raise RuntimeDied(
            f"{place} took longer than {timeout:g} s while {read_step(folder)}; give it fewer samples"
        ) from error
    words = _last_words(done.stderr.decode(errors="replace"))
    if short := SHORT_OF.get(done.returncode):
        raise no_space(folder.parent, CURE, short)
    if done.returncode:
        raise RuntimeDied(f"{place} {_death(done.returncode)} while {read_step(folder)}; is the file whole?{words}")
    answer = read_answer(folder)
    if answer.refusal:
        raise BadModel(f"{place} refuses it while {read_step(folder)}: {answer.refusal}{words}")
    return answer


def _in_child(folder: Path, timeout: float) -> "subprocess.CompletedProcess[bytes]":
    """The child's end. It holds one end of a pipe and we the other, so that it ends when we do, however we do."""
    ours_ends, we_live = os.pipe()
    command = [sys.executable, "-P", "-m", f"{__package__}.child", str(folder), str(ours_ends)]
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, pass_fds=[ours_ends], timeout=timeout, check=False
        )
    finally:
        os.close(ours_ends)
        os.close(we_live)


def _death(code: int) -> str:
    return f"ended with code {code}" if code > 0 else f"was ended by {signal.Signals(-code).name}"


def _last_words(printed: str) -> str:
    """What the runtime printed last, each line indented; empty when it printed nothing that matters."""
    lines = [line.strip() for line in printed.splitlines() if line.strip() and not line.startswith(("INFO", "W0000"))]
    return "".join(f"\n  {line}" for line in lines[-LAST_WORDS:])
