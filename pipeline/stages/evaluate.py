"""Evaluate: what a model file scores on validation and test, and how large it is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind


@dataclass(frozen=True)
class Evaluate:
    """The file itself is run on every sample; what it says of the test split is kept, so that models can be paired."""

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"source": ("onnx", "tflite"), "data": ("dataset",)}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "scores"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "onnx", "onnxruntime", "ai-edge-litert", "tflite-micro")

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..runtimes.scores import scores, write_scores

        write_scores(out, scores(inputs["source"].path, load(inputs["data"].path)))
