"""The C package as a whole: its files, its promises, and that it is refused where it cannot be kept."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgestill.pipeline.codegen.compile_file import compile_file
from edgestill.pipeline.errors import BadInput
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.passes.float_ends import with_float_ends
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.pipeline.runtimes.runtime import run
from edgestill.tests.built_c import STRICT, built, outputs_of
from edgestill.tests.wanted import want_program

AUTOENCODER = Path(__file__).parent / "cases" / "mlperf-tiny" / "ad_int8.tflite"
Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("package") / "ad.c"
    compile_file(AUTOENCODER).write(out)
    return out


def test_the_same_file_gives_the_same_bytes(package: Path) -> None:
    again = compile_file(AUTOENCODER).files
    assert {name: (package / name).read_text() for name in again} == again


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_self_test_passes_with_every_warning_an_error(package: Path, tmp_path: Path, compiler: str) -> None:
    want_program(compiler, "mcu")
    program = tmp_path / "selftest"
    sources = [str(package / "model.c"), str(package / "selftest.c")]
    command = [compiler, *STRICT, "-O2", "-DMODEL_SELFTEST_MAIN", *sources, "-o", str(program)]
    subprocess.run(command, check=True)
    assert subprocess.run([program]).returncode == 0


@pytest.mark.parametrize("name", ["test", "9 lives.v2"])
def test_cmake_builds_it_and_runs_its_self_test_whatever_its_name(name: str, tmp_path: Path) -> None:
    want_program("cmake", "mcu")
    source = tmp_path / f"{name}.tflite"
    shutil.copy(AUTOENCODER, source)
    compile_file(source).write(tmp_path / "package")
    for command in (["cmake", "-S", "package", "-B", "build"], ["cmake", "--build", "build"]):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    tested = subprocess.run(["ctest"], cwd=tmp_path / "build", check=True, capture_output=True, text=True)
    assert "100% tests passed, 0 tests failed out of 1" in tested.stdout


def test_the_self_test_notices_one_changed_weight(package: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(package, tmp_path / "package")
    text = (folder / "golden.h").read_text()
    at = text.index("golden_output_0[")
    start = text.index("{\n", at) + 2
    first = text[start:].split(",")[0].strip()
    (folder / "golden.h").write_text(text[:start] + text[start:].replace(first, str(int(first) ^ 1), 1))
    command = ["gcc", *STRICT, "-DMODEL_SELFTEST_MAIN", "model.c", "selftest.c", "-o", "selftest"]
    subprocess.run(command, cwd=folder, check=True)
    assert subprocess.run([folder / "selftest"]).returncode == 1


def test_random_inputs_give_tflite_micros_bytes(package: Path, tmp_path: Path) -> None:
    graph = from_tflite(AUTOENCODER.read_bytes())
    inputs = [np.random.default_rng(1).integers(-128, 128, (50, 640)).astype(np.int8)]
    files = {file.name: file.read_text() for file in package.iterdir()}
    (found,) = outputs_of(built(files, tmp_path), graph, inputs)
    np.testing.assert_array_equal(found, run(AUTOENCODER, inputs, "tflite-micro").outputs[0])


def test_the_package_asks_for_no_library_and_no_heap(package: Path, tmp_path: Path) -> None:
    subprocess.run(["gcc", *STRICT, "-O2", "-c", "model.c", "-o", tmp_path / "model.o"], cwd=package, check=True)
    listed = subprocess.run(["nm", "-u", tmp_path / "model.o"], capture_output=True, text=True, check=True).stdout
    assert not listed.strip()


def test_the_manifest_tells_every_file_by_its_digest(package: Path) -> None:
    told = json.loads((package / "manifest.json").read_text())
    assert set(told["files"]) == {file.name for file in package.iterdir()} - {"manifest.json"}
    assert told["macs"] == 264_192
    assert [layer["function"] for layer in told["layers"]][:1] == ["layer_00_fullyconnected"]


def test_a_folder_that_is_no_package_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(BadInput, match="is there and is no C package"):
        compile_file(AUTOENCODER).write(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_float_model_is_refused_with_the_way_out(edgestill: Shell, tmp_path: Path) -> None:
    ended = edgestill(["compile", str(AUTOENCODER.with_name("kws_fp32.tflite"))], tmp_path / "store")
    assert ended.returncode == 2
    assert "C-FLOAT" in ended.stderr
    assert "edgestill quantize" in ended.stderr


def test_float_ends_stay_outside(package: Path, tmp_path: Path) -> None:
    graph = from_tflite(AUTOENCODER.read_bytes(), AUTOENCODER.name)
    between_floats = tmp_path / "ad_int8.tflite"
    between_floats.write_bytes(to_tflite(with_float_ends(graph)))
    files = compile_file(between_floats).files
    data = re.compile(r"\{[-\d\s,]+\}")
    for name in ("model.c", "golden.h"):
        assert data.findall(files[name]) == data.findall((package / name).read_text())


def test_files_of_mine_in_a_package_are_never_lost(tmp_path: Path) -> None:
    package = compile_file(AUTOENCODER)
    package.write(tmp_path / "c")
    package.write(tmp_path / "c")
    (tmp_path / "c" / "main.c").write_text("int main(void) { return 0; }\n")
    with pytest.raises(BadInput, match="files that are not the package's: main.c"):
        package.write(tmp_path / "c")
    assert (tmp_path / "c" / "main.c").is_file()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["c"]


def test_a_link_to_a_package_is_followed(tmp_path: Path) -> None:
    package = compile_file(AUTOENCODER)
    (tmp_path / "link").symlink_to(tmp_path / "there")
    package.write(tmp_path / "link")
    package.write(tmp_path / "link")
    assert (tmp_path / "there" / "model.c").is_file() and (tmp_path / "link").is_symlink()
