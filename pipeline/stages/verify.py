"""Verify: whether two files compute the same, on the samples of the test split."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray

from ..artifact import Artifact, Kind


@dataclass(frozen=True)
class Verify:
    """Layer by layer on `samples` of the test split; what it finds is written down, also when it is bad news.

    With the `float` file that an integer `first` was made from, each layer's signal to quantization noise is told too.
    """

    samples: int = 20

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {
        "first": ("onnx", "tflite"),
        "second": ("onnx", "tflite"),
        "float": ("onnx", "tflite"),
        "data": ("dataset",),
    }
    optional: ClassVar[frozenset[str]] = frozenset({"float"})
    gives: ClassVar[Kind] = "report"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "onnx", "onnxruntime", "ai-edge-litert")

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
        noise = _noise(inputs["float"].path, inputs["first"].path, samples) if "float" in inputs else {}
        out.write_text(json.dumps({**parity.to_json(), "sqnr_db": noise}, indent=1, sort_keys=True))


def _noise(exact: Path, integer: Path, samples: NDArray[Any]) -> dict[str, float]:
    """Decibels by the integer graph's layer; a layer without any error is left out."""
    from ..graph.passes.float_ends import without_float_ends
    from ..graph.read import read_graph
    from ..quantization.error_report import error_report

    graph = without_float_ends(read_graph(integer))
    layers = zip(graph.nodes, error_report(read_graph(exact), graph, samples)[1:], strict=True)
    return {node.outputs[0]: row.sqnr_db for node, row in layers if math.isfinite(row.sqnr_db)}
