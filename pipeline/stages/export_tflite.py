"""Export: a float ONNX model as float TFLite, run and compared with the one it came from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind


@dataclass(frozen=True)
class ExportTflite:
    """The same float graph, channels last, in TFLite's format."""

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"source": ("onnx",)}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "tflite"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "flatbuffers", "onnx", "ai-edge-litert")

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..graph.read import read_graph
        from ..graph.to_tflite import to_tflite
        from ..runtimes.parity import demand

        out.write_bytes(to_tflite(read_graph(inputs["source"].path)))
        demand(inputs["source"].path, out)
