"""C that prefers speed or flash: the same integers, and what each is for."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from edgestill.pipeline.artifact import of_file
from edgestill.pipeline.codegen.compile_file import compile_file
from edgestill.pipeline.codegen.golden import seeded_inputs
from edgestill.pipeline.codegen.layer import sites
from edgestill.pipeline.codegen.layers import EMITTERS
from edgestill.pipeline.codegen.preference import BALANCED, CodeOptions
from edgestill.pipeline.errors import BadInput
from edgestill.pipeline.graph.execute import run_integer
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.operators import Conv2d
from edgestill.pipeline.graph.tensor import Quantization, Tensor, per_tensor
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.pipeline.runtimes.runtime import run
from edgestill.targets.emulation import tools
from edgestill.targets.emulation.microcontroller import Microcontroller, MicrocontrollerLoaded
from edgestill.targets.target import Plan
from edgestill.tests.built_c import built, check_in_c, outputs_of
from edgestill.tests.single_operator import graph_of, int8, samples, seeds
from edgestill.tests.test_codegen_kernels import CORES, FAMILIES, TOGETHER, programs
from edgestill.tests.test_codegen_operators import side_by_side
from edgestill.tests.wanted import want

NETS = Path(__file__).parent / "cases/mlperf-tiny"
PREFERRED = [CodeOptions("speed"), CodeOptions("flash")]
preferring = pytest.mark.parametrize("options", PREFERRED, ids=["speed", "flash"])
MATRICES = ("pointwise", "windows", "rows")
INPUTS = 3


@contextmanager
def on(core: str, net: Path, package: Path, options: CodeOptions) -> Iterator[MicrocontrollerLoaded]:
    """A net on an emulated core as C that prefers this."""
    want(tools.has_program(tools.GCC), "mcu", tools.BRINGS_GCC)
    want(tools.has_program(tools.QEMU), "mcu", tools.BRINGS_QEMU)
    compile_file(net, options=options).write(package)
    with Microcontroller(core).load(of_file(package)) as loaded:
        yield loaded


@preferring
@pytest.mark.parametrize("family", MATRICES)
@given(st.data())
@programs
def test_a_kernel_is_its_integer_statement_bit_for_bit(options: CodeOptions, family: str, data: st.DataObject) -> None:
    graph = side_by_side([FAMILIES[family](data.draw) for _ in range(TOGETHER)])
    check_in_c(graph, data.draw(seeds), options=options)


@preferring
@pytest.mark.parametrize("core", CORES)
@given(data=st.data())
@settings(max_examples=1, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
def test_the_same_holds_on_emulated_cores(
    options: CodeOptions, core: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    graph = side_by_side([family(data.draw) for family in FAMILIES.values() for _ in range(2)])
    folder, inputs = tmp_path_factory.mktemp("kernels"), samples(graph, 0)
    (folder / "net.tflite").write_bytes(to_tflite(graph))
    with on(core, folder / "net.tflite", folder / "package", options) as loaded:
        found = loaded.infer(inputs)
    for ours, theirs in zip(found, run_integer(graph, inputs), strict=True):
        np.testing.assert_array_equal(ours.reshape(theirs.shape), theirs)


@preferring
@pytest.mark.parametrize("net", ["kws_int8", "ic_int8", "vww_int8", "ad_int8"])
def test_reference_nets_give_tflite_micros_bytes(options: CodeOptions, net: str, tmp_path: Path) -> None:
    path = NETS / f"{net}.tflite"
    graph = from_tflite(path.read_bytes(), path.name)
    inputs = seeded_inputs(graph, INPUTS)
    expected = run(path, inputs, "tflite-micro").outputs
    found = outputs_of(built(compile_file(path, options=options).files, tmp_path, "-O2"), graph, inputs)
    with on("cortex-m4", path, tmp_path / "package", options) as loaded:
        emulated = loaded.infer(inputs)
    for ours, there, theirs in zip(found, emulated, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(there.reshape(theirs.shape), theirs)


@pytest.mark.parametrize("net", ["kws_int8", "ad_int8"])
def test_speed_takes_fewer_instructions_and_flash_fewer_bytes(net: str, tmp_path: Path) -> None:
    found = []
    for options in (BALANCED, *PREFERRED):
        with on("cortex-m4", NETS / f"{net}.tflite", tmp_path / options.prefer, options) as loaded:
            counts = loaded.measure(Plan()).counts
        assert counts is not None
        found.append(counts)
    balanced, speed, flash = found
    assert speed.instructions.total < balanced.instructions.total
    assert flash.flash_bytes.total < balanced.flash_bytes.total


@pytest.mark.parametrize(("scale", "kernel"), [(1.0, "pointwise.h"), (1000.0, "convolution_any.h")])
def test_constants_that_shifts_do_not_tell_get_the_plain_kernel_where_flash_is_preferred(
    scale: float, kernel: str
) -> None:
    weights = np.random.default_rng(1).integers(-127, 128, (4, 1, 1, 8)).astype(np.int8)
    scales = Quantization(np.full(4, 2**-7 * scale, np.float32), 0, 0)
    tensors = [int8("x", (3, 3, 8), per_tensor(0.5, 3)), Tensor("w", weights.shape, "int8", scales, weights)]
    graph = graph_of(Conv2d(activation="relu"), tensors, per_tensor(0.25, -128))
    ((_, site),) = sites(graph, CodeOptions("flash"))
    assert kernel in EMITTERS[Conv2d](site).kernels
    check_in_c(graph, 1, options=CodeOptions("flash"))


def test_the_manifest_tells_what_was_preferred(tmp_path: Path) -> None:
    compile_file(NETS / "ad_int8.tflite", options=CodeOptions("speed")).write(tmp_path / "package")
    assert json.loads((tmp_path / "package/manifest.json").read_text())["prefer"] == "speed"


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m3"])
def test_speed_is_refused_for_cores_that_it_would_slow_down(core: str) -> None:
    with pytest.raises(BadInput, match=f"{core} lacks"):
        compile_file(NETS / "ad_int8.tflite", core, options=CodeOptions("speed"))


def test_another_preference_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInput, match="balanced, flash, speed"):
        CodeOptions("small")  # type: ignore[arg-type]
