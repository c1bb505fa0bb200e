"""Writes a checkpoint as a float ONNX file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind


@dataclass(frozen=True)
class ExportOnnx:
    """The net in ONNX, opset 17, for any batch; run in ONNX Runtime and compared with torch before it counts."""

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"source": ("checkpoint",)}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "onnx"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("onnx", "torch")

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..models.export import export_onnx

        export_onnx(inputs["source"].path, out)
