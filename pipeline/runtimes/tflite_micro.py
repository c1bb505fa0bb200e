"""TensorFlow Lite for Microcontrollers, its reference kernels built for this machine."""

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph.offline_plan import unnamed
from .interface import activations, describe
from .session import Arrays, Run

ARENA_BYTES = 64 << 20  # far more than a microcontroller has; what a file really uses is in the facts


class TfliteMicro:
    """A .tflite file; `facts` hold the bytes of its arena: total, head (activations, scratch), tail (persistent)."""

    def __init__(self, path: Path, every_tensor: bool) -> None:
        from tflite_micro.python.tflite_micro import runtime

        config = runtime.InterpreterConfig
        data = path.read_bytes()
        self._interpreter = runtime.Interpreter.from_bytes(
            unnamed(data) if every_tensor else data,  # tensors that share a place cannot be kept
            arena_size=ARENA_BYTES,
            intrepreter_config=config.kPreserveAllTensors if every_tensor else config.kAllocationRecording,
        )
        self._tensors = activations(path) if every_tensor else {}
        self._records = not every_tensor
        self._outputs = range(len(describe(path).outputs))

    @property
    def batch(self) -> int:
        return int(self._interpreter.get_input_details(0)["shape"][0])

    def facts(self) -> Mapping[str, Any]:
        known = {"runtime": "tflite-micro", "version": version("tflite-micro")}
        return {**known, "arena": self._arena()} if self._records else known

    def run(self, inputs: Arrays) -> Run:
        for index, array in enumerate(inputs):
            self._interpreter.set_input(array, index)
        self._interpreter.invoke()
        outputs = [self._interpreter.get_output(index) for index in self._outputs]
        return Run(outputs, {name: self._tensor(index) for name, index in self._tensors.items()})

    def _tensor(self, index: int) -> NDArray[Any]:
        return np.array(self._interpreter.GetTensor(index, 0)["tensor_data"])

    def _arena(self) -> dict[str, int]:
        printed = _standard_error_of(self._interpreter.print_allocations)
        return {name: int(count) for name, count in re.findall(r"Arena allocation (total|head|tail) (\d+)", printed)}


def _standard_error_of(print_something: Callable[[], None]) -> str:
    """What a call prints to file descriptor 2, where C++ writes and `sys.stderr` does not listen."""
    kept = os.dup(2)
    with tempfile.TemporaryFile() as printed:
        os.dup2(printed.fileno(), 2)
        try:
            print_something()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        printed.seek(0)
        return printed.read().decode(errors="replace")
