"""Real samples in, real outputs out, whatever the file wants between: layout, INT8 steps, its own runtime."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..data.samples import Layout, read_samples
from ..data.travelling import Travelling, travelling
from ..errors import BadData, BadModel
from ..graph.from_onnx import lower
from ..graph.graph import Graph
from ..graph.lowering.builder import Value
from ..graph.operators.operator import Shape
from ..graph.read import read_graph
from ..graph.tensor import DType, per_tensor
from .runtime import Port, Runtime, describe, run

RUNTIMES: dict[str, Runtime] = {".onnx": "onnxruntime", ".tflite": "litert"}


def infer(
    path: Path, samples: NDArray[Any], runtime: Runtime | None = None, converted: Path | None = None
) -> NDArray[np.float32]:
    """The file's first output for samples (n, ...), float32; both as they are in the file's graph, channels last.

    Samples are float32; token ids, where the file takes them, int32.

    What an ONNX file means by its axes is taken from how it is lowered. INT8 inputs are quantized and INT8 outputs
    dequantized with the file's own scales. `converted` is the same model in a format that tells nothing of these; it is
    run in the file's place. BadData when the samples have another shape than the graph's input.
    """
    interface = describe(path)
    if len(interface.inputs) != 1:
        raise BadModel(f"{path.name}: it has {len(interface.inputs)} inputs; only models with one are carried")
    given, taken = interface.inputs[0], interface.outputs[0]
    graph, values = _lowered(path)
    shape, returned = (graph.tensors[names[0]].shape for names in (graph.inputs, graph.outputs))
    _check(samples, shape, path)
    graph.check_ids(samples, path.name)
    laid_out = values[given.name].as_onnx(samples) if values else samples
    outputs = run(converted or path, [as_input(laid_out, given)], runtime or RUNTIMES[path.suffix]).outputs[0]
    return as_real(values[taken.name].as_graph(outputs, returned) if values else outputs, taken)


def samples_for(paths: Sequence[Path], data: str, layout: Layout | None = None) -> NDArray[Any]:
    """Samples (n, ...) that fit the first of these files, raw ones preprocessed as a file among them says."""
    graphs = [read_graph(path) for path in paths]
    said = [travelling(graph.metadata, path.name) for path, graph in zip(paths, graphs, strict=True)]
    known = next((one for one in said if one.preprocess), Travelling())
    shape, tokens = graphs[0].tensors[graphs[0].inputs[0]].shape, graphs[0].takes_ids()
    return read_samples(data, shape, layout, preprocess=known.preprocess, known=known.data, tokens=tokens).x


def _lowered(path: Path) -> tuple[Graph, Mapping[str, Value]]:
    """The graph; and for an ONNX file, by its own names, where the elements of a value lie in the graph's tensor."""
    return lower(path.read_bytes(), path.name) if path.suffix == ".onnx" else (read_graph(path), {})


def _check(samples: NDArray[Any], shape: Shape, path: Path) -> None:
    if samples.shape[1:] != shape[1:]:
        raise BadData(f"{path.name}: samples have shape {samples.shape[1:]}, but its input takes {shape[1:]}")


def as_input(samples: NDArray[Any], port: Port) -> NDArray[Any]:
    """Samples as the port wants them: reals as they are, or INT8 steps; token ids of the port's type."""
    if port.dtype in ("int32", "int64"):
        return samples.astype(port.dtype)
    if port.scale is None or port.dtype == "float32":
        return samples
    return per_tensor(port.scale, port.zero_point or 0).quantize(samples, cast(DType, port.dtype))


def as_real(outputs: NDArray[Any], port: Port) -> NDArray[np.float32]:
    """Outputs as reals: INT8 steps with the port's scale, floats as they are."""
    if port.scale is None or port.dtype == "float32":
        return outputs.astype(np.float32)
    return per_tensor(port.scale, port.zero_point or 0).dequantize(outputs)
