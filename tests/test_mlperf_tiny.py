"""Models that somebody else trained, MLPerf Tiny: float ones quantize, integer ones come back from our files."""

from pathlib import Path

import numpy as np
import pytest

from edgestill.pipeline.data.samples import Samples
from edgestill.pipeline.graph.execute import run_integer
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import renumbered
from edgestill.pipeline.graph.to_onnx import to_onnx
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.pipeline.quantization.material import Material
from edgestill.pipeline.quantization.quantize import QuantizationOptions
from edgestill.pipeline.quantization.quantize_file import quantize_file
from edgestill.pipeline.runtimes.parity import demand
from edgestill.pipeline.runtimes.runtime import run

MLPERF = Path(__file__).parent / "cases" / "mlperf-tiny"
SHAPES = {"kws": (49, 10, 1), "ic": (32, 32, 3)}


@pytest.mark.parametrize("name", SHAPES)
def test_a_float_model_quantizes_verifies_and_runs_in_tflite_micro(name: str, tmp_path: Path) -> None:
    scale = 255 if name == "ic" else 1
    x = np.random.default_rng(0).uniform(0, scale, (24, *SHAPES[name])).astype(np.float32)
    samples = Samples(x, None, None)
    material = Material(samples, samples, None, None, None)
    made = quantize_file(MLPERF / f"{name}_fp32.tflite", material, tmp_path, QuantizationOptions())
    assert made.passed and made.arena.total > 0
    tflite = tmp_path / f"{name}_fp32.int8.tflite"
    graph = from_tflite(tflite.read_bytes())
    scale_in = graph.tensors[graph.inputs[0]].quantization
    assert scale_in is not None
    integers = scale_in.quantize(x[:4])
    np.testing.assert_array_equal(run(tflite, [integers], "tflite-micro").outputs[0], run_integer(graph, [integers])[0])


@pytest.mark.parametrize("name", SHAPES)
def test_an_integer_model_is_rewritten_to_an_equal_graph_and_to_qdq_that_verifies(name: str, tmp_path: Path) -> None:
    source = MLPERF / f"{name}_int8.tflite"
    graph = renumbered(from_tflite(source.read_bytes(), source.name))
    assert from_tflite(to_tflite(graph)) == graph
    (tmp_path / "qdq.onnx").write_bytes(to_onnx(graph))
    assert demand(source, tmp_path / "qdq.onnx").passed
