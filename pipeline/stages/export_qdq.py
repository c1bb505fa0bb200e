"""Export: a full-integer TFLite file as QDQ ONNX with the same integers, run and compared layer by layer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from ..artifact import Artifact, Kind


@dataclass(frozen=True)
class ExportQdq:
    """`activations` as uint8 are the same quantization, the zero point 128 higher, and faster on x86."""

    activations: Literal["uint8", "int8"] = "uint8"

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"source": ("tflite",)}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "onnx"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "onnx")

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..graph.read import read_graph
        from ..graph.to_onnx import to_onnx
        from ..runtimes.parity import demand

        out.write_bytes(to_onnx(read_graph(inputs["source"].path), self.activations))
        demand(inputs["source"].path, out)
