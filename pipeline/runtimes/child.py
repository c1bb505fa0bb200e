"""The child process: opens a file in a runtime, runs it, lays the numbers into the folder. Arguments: folder, pipe."""

import os
import shutil
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..disk import shortage
from .exchange import SHORT_OF, Answer, Request, read_arrays, read_request, write_answer, write_arrays, write_step
from .session import Arrays, Run, Session

SESSIONS = {
    "onnxruntime": "onnx_runtime:OnnxRuntime",
    "onnxruntime-layers": "onnx_layers:OnnxLayers",
    "litert": "litert:LiteRt",
    "litert-reference": "litert:LiteRtReference",
    "tflite-micro": "tflite_micro:TfliteMicro",
    "numpy": "numpy_graph:NumpyGraph",
}


def main(folder: Path, parent: int) -> int:
    """Serves the request in the folder; an exception of the runtime's is an answer too.

    `parent` is a pipe that nobody writes to: it ends when the parent does.
    """
    threading.Thread(target=_end_with, args=(parent, folder), daemon=True).start()
    try:
        write_answer(folder, _served(folder, read_request(folder)))
    except Exception as error:  # whatever a runtime raises on a foreign file is its refusal, told by the parent
        if short := shortage(error):
            return next(code for code, known in SHORT_OF.items() if known == short)
        write_answer(folder, Answer(refusal=str(error) or type(error).__name__))
    return 0


def _served(folder: Path, request: Request) -> Answer:
    write_step(folder, "opening the file")
    session = _session(request.runtime)(Path(request.path), request.every_tensor)
    if not request.runs:
        return Answer(session.facts())
    runs = _runs(session, read_arrays(folder, "inputs"), lambda step: write_step(folder, step))
    write_step(folder, "handing the numbers over")
    names = list(runs[0].tensors)
    write_arrays(folder, "outputs", [_stacked(parts) for parts in zip(*(run.outputs for run in runs), strict=True)])
    write_arrays(folder, "tensors", [_stacked([run.tensors[name] for run in runs]) for name in names])
    return Answer(session.facts(), names)


def _end_with(parent: int, folder: Path) -> None:
    os.read(parent, 1)
    while folder.exists():  # the other thread may lay one more step into it meanwhile
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def _session(runtime: str) -> Callable[[Path, bool], Session]:
    module, name = SESSIONS[runtime].split(":")
    session: Callable[[Path, bool], Session] = getattr(import_module(f".{module}", __package__), name)
    return session


def _runs(session: Session, inputs: list[NDArray[Any]], say: Callable[[str], None]) -> list[Run]:
    """As many runs as the file's batch needs."""
    count, runs = len(inputs[0]), []
    for start in range(0, count, session.batch):
        say(f"running sample {start} of {count}")
        run = session.run([array[start : start + session.batch] for array in inputs])
        runs.append(Run([np.array(array) for array in run.outputs], run.tensors))
    return runs


def _stacked(parts: Arrays) -> NDArray[Any]:
    return np.concatenate([np.atleast_1d(part) for part in parts])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
