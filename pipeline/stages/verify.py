"""Verify: whether two files compute the same, on the samples of the test split."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind


@dataclass(frozen=True)
class Verify:
    """Layer by layer on `samples` of the test split; what it finds is written down, also when it is bad news."""

    samples: int = 20

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {
        "first": ("onnx", "tflite"),
        "second": ("onnx", "tflite"),
        "data": ("dataset",),
    }
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "report"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "onnxruntime", "ai-edge-litert")

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise ValueError(f"samples is {self.samples}; it must be at least 1")

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..runtimes.parity import compare

        dataset = load(inputs["data"].path)
        samples = dataset.about.preprocess.apply(dataset.test.x[: self.samples])
        parity = compare(inputs["first"].path, inputs["second"].path, samples)
        out.write_text(json.dumps(parity.to_json(), indent=1, sort_keys=True))
