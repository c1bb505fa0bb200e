"""Emulated Raspberry Pis: outputs are this machine's, and instructions are counted alike every time."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgestill.benchmarks.harness.measure import bench
from edgestill.benchmarks.harness.result import Result
from edgestill.pipeline.artifact import of_file
from edgestill.pipeline.errors import BadInput, BadModel, MissingTool
from edgestill.targets.emulation import emulated_pi, sysroot
from edgestill.targets.emulation.emulated_pi import EmulatedPi, read_marks
from edgestill.targets.emulation.sysroot import PI_MODELS
from edgestill.targets.setup.parts import apt_get
from edgestill.targets.target import Evidence
from edgestill.tests.wanted import want_program

MODELS = Path(__file__).parent / "cases" / "mlperf-tiny"
TRAINED = [MODELS / f"{name}_int8.tflite" for name in ("kws", "ic", "ad")]
KWS = TRAINED[0]


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    for program in ("qemu-aarch64", "mmdebstrap", "arch-test", "gcc"):
        want_program(program, "pi")


@pytest.fixture(scope="module")
def counted() -> dict[tuple[str, str], Result]:
    """Three trained INT8 files on every board, once."""
    results = bench(TRAINED, [EmulatedPi(model.name) for model in PI_MODELS])
    return {(row.target, Path(row.file.path).name): row for row in results}


def test_litert_computes_on_every_board_what_it_does_here(counted: dict[tuple[str, str], Result]) -> None:
    assert len(counted) == 9
    for row in counted.values():
        assert row.error is None
        assert row.output and row.output.reference.startswith("host, litert") and row.output.mismatches == 0


def test_what_was_counted_has_no_latency(counted: dict[tuple[str, str], Result]) -> None:
    for row in counted.values():
        told = row.to_json()
        assert row.evidence is Evidence.EMULATED
        assert told["latency_us"] is None and told["samples_us"] is None and told["instructions"]["total"] > 0
        assert told["ram_bytes"]["process_peak"] is None


def test_integers_need_fewer_instructions_where_there_are_dot_products(
    counted: dict[tuple[str, str], Result],
) -> None:
    for file in TRAINED:
        newer, older = (counted[f"emu:{board}", file.name].instructions for board in ("pi5", "pi4"))
        assert newer and older and newer.total < older.total


@pytest.mark.parametrize("board", ["pi4", "pi5"])
def test_a_count_is_the_same_every_time_even_on_a_busy_machine(
    counted: dict[tuple[str, str], Result], board: str
) -> None:
    totals = [counted[f"emu:{board}", KWS.name].instructions]
    totals.append(bench([KWS], [EmulatedPi(board)])[0].instructions)
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 2)]
    try:
        totals.append(bench([KWS], [EmulatedPi(board)])[0].instructions)
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    assert totals[0] and totals[0] == totals[1] == totals[2]


def test_what_was_counted_names_everything_that_counted(counted: dict[tuple[str, str], Result]) -> None:
    facts = counted["emu:pi5", KWS.name].runtime
    assert facts and facts["machine"] == "cortex-a76" and facts["delegate"] == "XNNPACK"
    for key in ("emulator", "plugin_sha256", "cpuinfo_sha256", "packages", "version"):
        assert facts[key]


def test_a_file_that_litert_refuses_is_a_row(tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(KWS.read_bytes()[:2000])
    [row] = bench([broken], [EmulatedPi("pi4")])
    assert row.error and row.error.code == BadModel.__name__ and "broken.tflite: loading it" in row.error.message


def test_two_threads_are_refused() -> None:
    with pytest.raises(BadInput, match="counts one thread"), EmulatedPi("pi4").load(of_file(KWS), threads=2):
        pass


@pytest.mark.parametrize("program", ["qemu-aarch64", "mmdebstrap"])
def test_a_missing_program_is_told_with_its_cure(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    if program == "mmdebstrap":
        monkeypatch.setattr("edgestill.targets.emulation.tools.has_program", lambda name: True)
    with pytest.raises(MissingTool, match=f"{program} is missing; install it with: .*apt-get install"):
        emulated_pi.prepared(PI_MODELS[0], "litert")
    assert not list(tmp_path.rglob("debian-*"))


def test_the_doctor_names_what_an_emulated_pi_needs(edgestill: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    ended = edgestill(["doctor", "emu:pi4", "--json"], Path("/tmp/store"))
    findings = {finding["what"]: finding for finding in json.loads(ended.stdout)["findings"]}
    assert findings["qemu-user"]["cure"] == apt_get("qemu-user")
    assert findings["mmdebstrap"]["cure"] == apt_get("mmdebstrap arch-test debian-archive-keyring uidmap")


def test_marks_are_counted_without_what_they_cost_themselves(tmp_path: Path) -> None:
    path = tmp_path / "marks"
    path.write_text("1 100\n1 110\n1 120\n2 130\n3 1140\n2 1150\n3 2155\n")
    assert read_marks(path) == [1000, 995]


def test_every_board_tells_its_own_processor() -> None:
    for model in PI_MODELS:
        lines = model.cpuinfo().splitlines()
        assert lines.count(f"CPU part\t: {model.part:#x}") == 4
        assert lines[-1].endswith(model.title)
    older = replace(PI_MODELS[2], part=PI_MODELS[1].part)
    assert older.cpuinfo() != PI_MODELS[2].cpuinfo()


def test_a_view_follows_its_board(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "debian" / "usr").mkdir(parents=True)
    monkeypatch.setattr(sysroot, "sysroot", lambda: tmp_path / "debian")
    view = sysroot.seen_by(PI_MODELS[1])
    assert (view / "usr").resolve() == tmp_path / "debian" / "usr"
    assert (view / "proc" / "cpuinfo").read_text() == PI_MODELS[1].cpuinfo()
