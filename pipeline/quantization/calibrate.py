"""What was seen of every activation of a float graph, as one file that is the same byte for byte every time."""

import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ...calibration.observers import Observer, Statistics
from ..errors import BadArtifact, BadData
from ..graph.execute import as_graph_input, run_float
from ..graph.graph import Graph
from .integer_form import integer_form

ONLY_MOVE = ("Reshape", "Transpose")
FIRST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Calibration:
    """Statistics by tensor name, in the order of the graph, and the number of samples that they come from."""

    tensors: Mapping[str, Statistics]
    samples: int

    def save(self, path: Path) -> None:
        """Writes a stored .npz without times: the same calibration gives the same bytes."""
        seen = list(self.tensors.values())
        arrays = {
            "samples": np.array(self.samples, np.int64),
            "names": np.array(list(self.tensors), np.str_),
            "ranges": np.array([(one.low, one.high, one.width) for one in seen], np.float64).reshape(-1, 3),
            "places": np.array([(one.count, one.first, len(one.counts)) for one in seen], np.int64).reshape(-1, 3),
            "counts": np.concatenate([np.zeros(0, np.int64), *(one.counts for one in seen)]),
        }
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for name, array in arrays.items():
                archive.writestr(zipfile.ZipInfo(f"{name}.npy", FIRST_ZIP_DATE), _npy(array))

    @staticmethod
    def load(path: Path) -> "Calibration":
        """What `save` wrote; `BadArtifact` when the file is another or damaged."""
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
                return _calibration(arrays)
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise BadArtifact(f"{path}: not a calibration, or a damaged one: {error}; calibrate again") from None


def calibrate(graph: Graph, batches: Iterable[NDArray[Any]]) -> Calibration:
    """Runs a float graph once over the batches, (n, ...) as the graph's input is, and watches every activation.

    Memory is bounded by one batch and one histogram a tensor. Computed in float64, so that processors that sum in
    another order see the same float32 values. `BadData` when there are no samples, or an activation
    is not finite.
    """
    graph = integer_form(graph)
    names = (*graph.inputs, *(name for node in graph.nodes for name in node.outputs))
    source = {node.outputs[0]: node.inputs[0] for node in graph.nodes if node.kind in ONLY_MOVE}
    observers = {name: Observer() for name in names if graph.tensors[name].dtype == "float32" and name not in source}

    def watch(name: str, values: NDArray[Any]) -> None:
        if name not in observers:
            return  # token ids have no range, and what only moves values that of what it moves
        try:
            with np.errstate(over="ignore"):  # what float32 cannot hold is refused a line further
                observers[name].observe(values.astype(np.float32))
        except ValueError as error:
            tensor = graph.tensors[name]
            raise BadData(f"calibration: tensor {tensor.origin or name!r} {error}; check the samples' scale") from None

    samples = 0
    for batch in batches:
        with threadpool_limits(1, "blas"):  # narrow matrix products take longer on several threads
            run_float(graph, [as_graph_input(graph, batch)], watch, np.float64)
        samples += len(batch)
    if not samples:
        raise BadData("calibration: there are no samples; give at least one, better a hundred")
    seen = {name: observer.statistics() for name, observer in observers.items()}
    for name in names:
        if source.get(name) in seen:
            seen[name] = seen[source[name]]
    return Calibration({name: seen[name] for name in names if name in seen}, samples)


def _calibration(arrays: Mapping[str, NDArray[Any]]) -> Calibration:
    names, ranges, places = arrays["names"], arrays["ranges"], arrays["places"]
    parts = np.split(arrays["counts"], np.cumsum(places[:, 2])[:-1])
    seen = {
        str(name): Statistics(float(low), float(high), int(count), float(width), int(first), part)
        for name, (low, high, width), (count, first, _), part in zip(names, ranges, places, parts, strict=True)
    }
    return Calibration(seen, int(arrays["samples"]))


def _npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    return buffer.getvalue()
