"""Whole nets, of every kind that a recipe trains: compiled, they give the bytes that TFLite Micro gives."""

from pathlib import Path

import numpy as np
import pytest

from edgestill.pipeline.codegen.compile_file import compile_file
from edgestill.pipeline.codegen.golden import seeded_inputs
from edgestill.pipeline.graph.graph import Graph
from edgestill.pipeline.graph.read import read_graph
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.pipeline.models.export import export_onnx
from edgestill.pipeline.runtimes.runtime import run
from edgestill.tests.built_c import built, check_strictly, outputs_of
from edgestill.tests.test_models_catalog import CASES, SERIES, TOKENS, Case, integer

SAMPLES = 8
NETS = [*CASES, Case("dense-autoencoder", (64, 1, 1), {"width": 16})]
FIRST = list({case.model: case for case in reversed(NETS)}.values())  # one of each kind
OTHERS = [
    *(case for case in NETS if case not in FIRST),
    Case("ds-cnn", (49, 10, 1)),
    Case("resnet8", (32, 32, 3)),
    Case("cnn-1d", SERIES, {"widths": (32, 64, 64)}),
    Case("transformer", TOKENS, {"buckets": 512, "blocks": 2}),
]


def integers_of(case: Case, folder: Path) -> Graph:
    export_onnx(case.saved(folder), folder / "net.onnx")
    graph = integer(read_graph(folder / "net.onnx"), case)
    (folder / "net.tflite").write_bytes(to_tflite(graph))
    return graph


def check_in_c(case: Case, folder: Path) -> None:
    graph = integers_of(case, folder)
    inputs = seeded_inputs(graph, SAMPLES, seed=1)
    files = compile_file(folder / "net.tflite").files
    check_strictly(files, folder)
    program = built(files, folder)
    (found,) = outputs_of(program, graph, inputs)
    wanted = run(folder / "net.tflite", inputs, "tflite-micro").outputs[0]
    np.testing.assert_array_equal(found, wanted)
    assert len(np.unique(wanted)) > 1


@pytest.mark.parametrize("case", FIRST, ids=str)
def test_a_net_in_c_gives_tflite_micros_bytes(case: Case, tmp_path: Path) -> None:
    check_in_c(case, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("case", OTHERS, ids=str)
def test_so_do_nets_of_other_sizes(case: Case, tmp_path: Path) -> None:
    check_in_c(case, tmp_path)
