"""Our own statement of what a file computes, in numpy."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..graph.execute import run_float, run_integer
from ..graph.read import read_graph
from .session import ANY_BATCH, Arrays, Run


class NumpyGraph:
    """A file that reads as a `Graph`, its arrays as the graph's: integers as TFLite Micro computes them."""

    def __init__(self, path: Path, every_tensor: bool) -> None:
        self._graph = read_graph(path)
        self._integer = any(tensor.dtype == "int8" for tensor in self._graph.tensors.values())
        self._every_tensor = every_tensor

    @property
    def batch(self) -> int:
        return ANY_BATCH

    def facts(self) -> Mapping[str, Any]:
        return {"runtime": "numpy", "version": version("numpy")}

    def run(self, inputs: Arrays) -> Run:
        tensors: dict[str, NDArray[Any]] = {}
        compute = run_integer if self._integer else run_float
        outputs = compute(self._graph, inputs, tensors.__setitem__ if self._every_tensor else None)
        return Run(outputs, {name: array for name, array in tensors.items() if name not in self._graph.inputs})
