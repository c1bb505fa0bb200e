"""Evaluate: what a model file scores on validation and test, and how large it is."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind


@dataclass(frozen=True)
class Evaluate:
    """The file itself is run on every sample; predictions of the test split are kept, so that models can be paired."""

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"source": ("onnx", "tflite"), "data": ("dataset",)}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "report"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "onnxruntime", "ai-edge-litert", "tflite-micro")

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..runtimes.scores import scores

        found = scores(inputs["source"].path, load(inputs["data"].path))
        out.write_text(json.dumps(asdict(found), sort_keys=True))
