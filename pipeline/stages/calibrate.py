"""Calibrate: which values every tensor of a float model meets on the calibration split."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind


@dataclass(frozen=True)
class Calibrate:
    """One streaming pass over the calibration samples, `batch` at a time; memory does not grow with their number."""

    batch: int = 32

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"source": ("onnx", "tflite"), "data": ("dataset",)}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "calibration"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "onnx")

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError(f"batch is {self.batch}; it must be at least 1")

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..graph.read import read_graph
        from ..preprocess import Fed
        from ..progress import track
        from ..quantization.calibrate import calibrate

        dataset = load(inputs["data"].path)
        samples = Fed(dataset.calibration.x, dataset.about.preprocess)
        starts = range(0, len(samples), self.batch)
        batches = (samples[start : start + self.batch] for start in track(starts, len(starts)))
        calibrate(read_graph(inputs["source"].path), batches).save(out)
