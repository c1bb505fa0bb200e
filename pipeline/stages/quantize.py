"""Quantize: a float model and its calibration to the integer graph, written as full-integer TFLite."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from ..artifact import Artifact, Kind


@dataclass(frozen=True)
class Quantize:
    """Post-training INT8, weights per channel. `ranges` says how a tensor's range is chosen from what it met.

    `bias_correction` takes the mean error that rounding leaves in every channel out of the bias, layer by layer, on
    the calibration samples. With `io` as `"float"`, the TFLite file takes and gives floats, which a QUANTIZE in front
    and a DEQUANTIZE behind turn to the same integers and back.
    """

    ranges: Literal["mse", "min-max", "percentile"] = "mse"
    bias_correction: bool = True
    io: Literal["int8", "float"] = "int8"

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {
        "source": ("onnx", "tflite"),
        "calibration": ("calibration",),
        "data": ("dataset",),
    }
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "tflite"
    version: ClassVar[int] = 5
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "flatbuffers", "onnx", "ai-edge-litert")

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..graph.passes.float_ends import with_float_ends
        from ..graph.read import read_graph
        from ..graph.to_tflite import to_tflite
        from ..preprocess import Fed
        from ..quantization.calibrate import Calibration
        from ..quantization.quantize import QuantizationOptions, quantize

        dataset = load(inputs["data"].path)
        samples = Fed(dataset.calibration.x, dataset.about.preprocess)
        graph = read_graph(inputs["source"].path)
        options = QuantizationOptions(self.ranges, self.bias_correction, dataset.about.preprocess.range)
        integer = quantize(graph, Calibration.load(inputs["calibration"].path), samples, options)
        out.write_bytes(to_tflite(with_float_ends(integer) if self.io == "float" else integer))
