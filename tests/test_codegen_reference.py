"""The reference models of MLPerf Tiny in C, held to TFLite Micro byte by byte on the host and on emulated cores."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgestill.pipeline.artifact import of_file
from edgestill.pipeline.codegen.compile_file import CORES, compile_file
from edgestill.pipeline.codegen.golden import seeded_inputs
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.runtimes.runtime import run
from edgestill.targets.emulation import tools
from edgestill.targets.emulation.microcontroller import Microcontroller
from edgestill.tests.built_c import built, outputs_of
from edgestill.tests.wanted import want

CASES = Path(__file__).parent / "cases" / "mlperf-tiny"
MODELS = ("kws_int8", "ic_int8", "vww_int8", "ad_int8")
NIGHTLY = pytest.mark.nightly


def natural(shape: tuple[int, ...], count: int, seed: int) -> NDArray[np.int8]:
    """Samples as smooth as pictures and spectra are: a slope and a few waves, each sample with its own contrast."""
    random = np.random.default_rng(seed)
    places = np.stack(np.meshgrid(*(np.linspace(0, 1, length) for length in shape), indexing="ij"), -1)
    waves = random.normal(0, 6, (count, 5, len(shape)))
    phases = random.uniform(0, 2 * np.pi, (count, 5, *(1,) * len(shape)))
    waved = np.sin(np.einsum("...d,nkd->nk...", places, waves) + phases).sum(1)
    contrast = random.uniform(5, 60, (count, *(1,) * len(shape)))
    smooth = np.round(waved * contrast + random.normal(0, 3, waved.shape))
    return np.asarray(np.clip(smooth, -128, 127), np.int8)


def inputs_of(path: Path, random: int, smooth: int) -> list[NDArray[Any]]:
    graph = from_tflite(path.read_bytes())
    (values,) = seeded_inputs(graph, random, seed=5)
    return [np.concatenate([values, natural(graph.tensors[graph.inputs[0]].shape[1:], smooth, seed=6)])]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("random", "smooth"), [(8, 4), pytest.param(1000, 100, marks=NIGHTLY)])
def test_on_the_host_under_sanitizers(model: str, random: int, smooth: int, tmp_path: Path) -> None:
    path = CASES / f"{model}.tflite"
    inputs = inputs_of(path, random, smooth)
    program = built(compile_file(path).files, tmp_path, "-O2")
    (found,) = outputs_of(program, from_tflite(path.read_bytes()), inputs)
    np.testing.assert_array_equal(found, run(path, inputs, "tflite-micro", timeout=600).outputs[0])


def check_on_board(model: str, core: str, random: int, smooth: int) -> None:
    want(tools.has_program(tools.GCC), "mcu", tools.BRINGS_GCC)
    path = CASES / f"{model}.tflite"
    inputs = inputs_of(path, random, smooth)
    with Microcontroller(core).load(of_file(path)) as loaded:
        (found,) = loaded.infer(inputs)
    np.testing.assert_array_equal(found, run(path, inputs, "tflite-micro", timeout=600).outputs[0])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("random", "smooth"), [(3, 2), pytest.param(60, 40, marks=NIGHTLY)])
def test_on_a_cortex_m4(model: str, random: int, smooth: int) -> None:
    check_on_board(model, "cortex-m4", random, smooth)


@NIGHTLY
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("core", [core for core in CORES if core != "cortex-m4"])
def test_on_every_other_core(model: str, core: str) -> None:
    check_on_board(model, core, random=6, smooth=4)
