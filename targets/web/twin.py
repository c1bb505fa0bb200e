"""A .tflite file as LiteRT.js takes it: where its inputs or outputs are int8, a twin that takes and gives floats."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...pipeline.artifact import Artifact

if TYPE_CHECKING:
    from ...pipeline.runtimes.interface import Port


@dataclass(frozen=True)
class Served:
    """What a page fetches for a file. Of a twin, `inputs` and `outputs` say how to get from the file's int8 to floats
    and back; None stands for an end that is the file's own."""

    path: Path
    is_twin: bool
    is_quantized: bool
    inputs: "tuple[Port | None, ...]"
    outputs: "tuple[Port | None, ...]"

    def scales(self) -> list[dict[str, Any] | None]:
        """How integers become what the twin takes, as a page reads it; empty where the file takes what it takes."""
        return [{"scale": port.scale, "zero_point": port.zero_point} if port else None for port in self.inputs]

    def own_outputs(self, outputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """The file's own outputs: of a twin, the integers that its floats stand for, which is exact."""
        if not self.is_twin:
            return list(outputs)
        return [_integers(one, port) if port else one for one, port in zip(outputs, self.outputs, strict=True)]


def served(file: Artifact, folder: Path) -> Served:
    """The file itself, or its float-I/O twin, written to the folder.

    BadModel when it cannot be read, Unsupported when no twin can be made of it.
    """
    from ...pipeline.runtimes.interface import describe

    interface = describe(file.path)
    if file.kind == "onnx":
        return Served(file.path, False, _is_quantized(file), (), ())
    inputs, outputs = (tuple(map(_scaled, ports)) for ports in (interface.inputs, interface.outputs))
    if not any((*inputs, *outputs)):
        return Served(file.path, False, False, (), ())
    path = folder / f"{file.sha256}.tflite"
    path.write_bytes(_twin(file))
    return Served(path, True, True, inputs, outputs)


def _is_quantized(file: Artifact) -> bool:
    """Whether an .onnx file quantizes or dequantizes anything."""
    import onnx

    graph = onnx.load(file.path, load_external_data=False).graph
    return any(node.op_type in ("QuantizeLinear", "DequantizeLinear") for node in graph.node)


def _twin(file: Artifact) -> bytes:
    from ...pipeline.graph.from_tflite import from_tflite
    from ...pipeline.graph.passes.float_ends import with_float_ends
    from ...pipeline.graph.to_tflite import to_tflite

    return to_tflite(with_float_ends(from_tflite(file.path.read_bytes(), file.path.name)))


def _scaled(port: "Port") -> "Port | None":
    return port if port.dtype == "int8" and port.scale is not None else None


def _integers(values: NDArray[Any], port: "Port") -> NDArray[np.int8]:
    steps = np.rint(values.astype(np.float64) / float(port.scale or 1.0)) + int(port.zero_point or 0)
    integers: NDArray[np.int8] = np.clip(steps, -128, 127).astype(np.int8)
    return integers
