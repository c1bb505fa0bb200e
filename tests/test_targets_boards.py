"""Emulated boards: real compilers, real emulators, and every instruction counted the same by all of them."""

import json
import os
import runpy
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgestill.pipeline.artifact import of_file
from edgestill.pipeline.errors import BadArtifact, BadInput, BadModel, MissingTool, RuntimeDied
from edgestill.targets import seeded
from edgestill.targets.devices.remote import agent_source
from edgestill.targets.emulation import qemu, tools
from edgestill.targets.emulation.board import BOARDS, SPREAD, Board, board
from edgestill.targets.emulation.emulator import Emulator
from edgestill.targets.emulation.image import build_image
from edgestill.targets.emulation.microcontroller import Microcontroller
from edgestill.targets.emulation.outcome import Mark, Outcome, per_layer, read_outcome, write_inputs
from edgestill.targets.emulation.qemu import Qemu, instructions_a_tick
from edgestill.targets.emulation.toolchain import Toolchain, toolchain
from edgestill.targets.emulation.unicorn_emulator import Unicorn
from edgestill.targets.target import Evidence, Plan
from edgestill.tests.wanted import want

CASES = Path(__file__).parent / "cases"
PACKAGE, DENSE = CASES / "c_package", CASES / "mlperf-tiny" / "ad_int8.tflite"
Change = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def tools_are_here() -> None:
    want(tools.has_program(tools.GCC), "mcu", tools.BRINGS_GCC)
    want(tools.has_program(tools.QEMU), "mcu", tools.BRINGS_QEMU)


@pytest.fixture
def without_root() -> None:
    for module in ("unicorn", "ziglang"):
        want(tools.has_module(module), "mcu", f"{module}: pip install edgestill[mcu]")


@pytest.fixture
def changed(tmp_path: Path) -> Iterator[Change]:
    """A copy of the small package with one piece of model.c replaced."""

    def copy(piece: str, other: str) -> Path:
        package = tmp_path / "changed"
        shutil.copytree(PACKAGE, package)
        text = (package / "model.c").read_text()
        assert piece in text
        (package / "model.c").write_text(text.replace(piece, other))
        return package

    yield copy


def ran(
    package: Path, on: Board, emulator: Emulator, folder: Path, compiler: Toolchain | None = None, samples: int = 3
) -> Outcome:
    """What came of these many seeded samples."""
    into = folder / f"{on.name}-{emulator.name}-{len(list(folder.iterdir()))}"
    into.mkdir()
    image = build_image(package, on, emulator.memory(on), compiler or toolchain("gcc"), into, True)
    random = np.random.default_rng(0)
    given = [
        [random.integers(-128, 128, p.shape).astype(p.dtype) for p in image.package.inputs] for _ in range(samples)
    ]
    write_inputs(into / "inputs", given, image.package.inputs)
    marks = emulator.run(image, into, 60.0)
    return read_outcome((into / "outputs").read_bytes(), marks, image, samples, instructions_a_tick(on))


@pytest.mark.parametrize("core", BOARDS)
def test_every_board_computes_what_the_package_says(core: str, tmp_path: Path) -> None:
    outcome = ran(PACKAGE, board(core), Qemu("plugin"), tmp_path)
    assert outcome.wrong == 0
    assert len(outcome.counts) == len(outcome.outputs) == 3


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m4", "cortex-m33"])
def test_three_ways_of_counting_agree(core: str, tmp_path: Path, without_root: None) -> None:
    by_plugin, by_timer, by_unicorn = (
        ran(PACKAGE, board(core), emulator, tmp_path) for emulator in (Qemu("plugin"), Qemu("icount"), Unicorn())
    )
    assert by_plugin.counts == by_unicorn.counts
    for exact, timed in zip(by_plugin.counts, by_timer.counts, strict=True):
        assert abs(exact.total - timed.total) <= 2  # of reading the timer, whose ticks are no whole instructions
    for one, other in zip(by_plugin.outputs, by_unicorn.outputs, strict=True):
        np.testing.assert_array_equal(one[0], other[0])


def test_a_count_is_the_same_on_every_run_and_beside_busy_loops(tmp_path: Path) -> None:
    alone = ran(PACKAGE, board("cortex-m4"), Qemu("plugin"), tmp_path).counts
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3)]
    try:
        beside = [ran(PACKAGE, board("cortex-m4"), Qemu("plugin"), tmp_path).counts for _ in range(2)]
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    assert beside == [alone, alone]


def test_a_kernel_is_counted_for_the_layer_that_called_it(tmp_path: Path) -> None:
    count = ran(PACKAGE, board("cortex-m4"), Qemu("plugin"), tmp_path).counts[0]
    hidden, last = count.per_layer
    assert hidden > 2 * last > 2 * 18  # 48 and 18 products by one kernel
    assert 0 <= count.total - hidden - last < 10  # what model_run itself takes


def test_a_function_that_jumps_to_its_first_instruction_begins_once() -> None:
    passed = [Mark(address, total) for address, total in ((0x10, 5), (0x10, 9), (0x10, 13), (0x20, 20))]
    assert per_layer(passed, 30, [0x10, 0x20]) == (15, 10)
    assert (
        per_layer(passed, 30, [0x10, None, 0x20]) == ()
    )  # one layer has no beginning of its own: only totals are known


def test_zig_and_unicorn_need_no_root_and_agree_with_qemu(tmp_path: Path, without_root: None) -> None:
    emulators: tuple[Emulator, ...] = (Unicorn(), Qemu("plugin"))
    outcomes = [ran(PACKAGE, board("cortex-m4"), one, tmp_path, toolchain("zig")) for one in emulators]
    assert [outcome.wrong for outcome in outcomes] == [0, 0]
    assert outcomes[0].counts == outcomes[1].counts


LAST = "void layer_01_dense(void) {\n"


def with_array_of(size: int) -> str:
    """The last layer, with so many bytes on its stack."""
    fill = f"for (int i = 0; i < {size}; i++) {{\n        kept[i] = 1;\n    }}\n    (void)kept[0];\n"
    return f"{LAST}    volatile uint8_t kept[{size}];\n    {fill}"


@pytest.mark.parametrize("core", BOARDS)
def test_both_compilers_build_for_the_same_instructions(core: str, without_root: None) -> None:
    found = []
    for compiler, flags in ((toolchain("gcc"), board(core).flags), (toolchain("zig"), board(core).zig)):
        command = [*compiler.command, *flags, "-mthumb", "-dM", "-E", "-xc", "/dev/null"]
        macros = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found.append({name: f"#define __ARM_FEATURE_{name} 1" in macros for name in ("DSP", "SIMD32", "SAT")})
    assert found[0] == found[1]


def test_painting_the_stack_sees_an_array(changed: Change, tmp_path: Path) -> None:
    package = changed(LAST, with_array_of(1000))
    before = ran(PACKAGE, board("cortex-m4"), Qemu("icount"), tmp_path).stack_bytes
    with_array = ran(package, board("cortex-m4"), Qemu("icount"), tmp_path).stack_bytes
    assert 0 < before < 200
    assert 1000 <= with_array - before + 16 < 1100  # the array lies beside what the other layer pushes


def test_a_stack_that_runs_over_is_told(changed: Change, tmp_path: Path) -> None:
    package = changed(LAST, with_array_of(70000))
    with pytest.raises(BadModel, match="more stack than there is beside its arena, 65,536 bytes"):
        ran(package, board("cortex-m4"), Qemu("icount"), tmp_path)


def test_an_instruction_that_the_core_lacks_is_named_with_its_place(changed: Change) -> None:
    qadd = '{\n    __asm__ volatile(".inst.w 0xfa80f080");\n'  # QADD, which the Cortex-M3 does not have
    package = changed("void layer_01_dense(void) {\n", f"void layer_01_dense(void) {qadd}")
    said = (
        r"changed on emu:cortex-m3: the Cortex-M3 faulted at layer_01_dense\+0x\w+: an instruction that this core does"
    )
    with Microcontroller("cortex-m3").load(of_file(package)) as loaded, pytest.raises(BadModel, match=said):
        loaded.infer()


def test_a_package_that_does_not_end_is_stopped(changed: Change) -> None:
    package = changed("    layer_01_dense();\n", "    layer_01_dense();\n    for (;;) {\n    }\n")
    for emulator in ("qemu", "unicorn"):
        target = replace(Microcontroller("cortex-m4", limit_seconds=0.7), emulator=emulator)
        with target.load(of_file(package)) as loaded, pytest.raises(RuntimeDied, match="no end within 0.7 s"):
            loaded.infer()


def emulators_in(folder: Path) -> list[str]:
    """The processes of QEMU that work below this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str(folder) in str((process / "cwd").readlink()) and (process / "comm").read_text().startswith("qemu"):
                found.append(process.name)
    return found


def awaited(holds: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv of util-linux lets an emulator die with us")
def test_an_emulator_dies_with_the_process_that_began_it(changed: Change, tmp_path: Path) -> None:
    package = changed("    layer_01_dense();\n", "    layer_01_dense();\n    for (;;) {\n    }\n")
    command = [sys.executable, "-m", "edgestill", "bench", str(package), "--on", "emu:cortex-m4"]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with subprocess.Popen(command, env={**os.environ, "TMPDIR": str(scratch)}, stdout=subprocess.DEVNULL) as bench:
        begun = awaited(lambda: bool(emulators_in(scratch)), 60)
        bench.kill()
    assert begun
    assert awaited(lambda: not emulators_in(scratch), 2)


def test_what_the_harness_needs_is_no_part_of_the_figures(changed: Change) -> None:
    table = "static const uint8_t table[1024] = {1, 2, 3};\nstatic const uint8_t unused[999] = {4};\n"
    body = "    (void)unused;\n    model_arena[23] = table[model_arena[0]];\n"
    used = f"{table}\nvoid *model_input(unsigned index) {{\n{body}"
    with_table = changed("void *model_input(unsigned index) {\n", used)
    figures = []
    for package in (PACKAGE, with_table):
        with Microcontroller("cortex-m4").load(of_file(package)) as loaded:
            counts = loaded.measure(Plan()).counts
        assert counts is not None
        figures.append(counts)
    small, larger = figures
    assert small.flash_bytes.code < 400 and 102 <= small.flash_bytes.weights <= 120
    assert larger.flash_bytes.weights - small.flash_bytes.weights == 1024
    assert small.ram_bytes.plan == 24 and small.ram_bytes.static == 0
    assert small.ram_bytes.total == 24 + small.ram_bytes.stack


def test_a_count_that_depends_on_the_input_is_called_that(changed: Change) -> None:
    clamp = "sum < -128 ? -128 : sum > 127 ? 127 : sum"
    branch = '    for (int8_t k = 0; k < (model_arena[0] & 7); k++) {\n        __asm__ volatile("");\n    }\n'
    package = changed("LAYER void layer_00_dense(void) {\n", f"LAYER void layer_00_dense(void) {{\n{branch}")
    text = (package / "model.c").read_text()
    assert clamp in text
    (package / "model.c").write_text(text.replace(clamp, "sum"))  # no other branch
    with Microcontroller("cortex-m4").load(of_file(package)) as loaded:
        counts = loaded.measure(Plan()).counts
    assert counts and not counts.instructions.input_independent
    assert [layer.input_independent for layer in counts.instructions.per_layer] == [False, True]


def test_what_is_too_large_for_the_micro_bit_runs_where_memory_is_free(changed: Change, without_root: None) -> None:
    package = of_file(changed("#define ALIGNED", "uint8_t hoard[20000];\n#define ALIGNED"))
    (package.path / "model.c").write_text(
        (package.path / "model.c")
        .read_text()
        .replace("    layer_00_dense();\n", "    hoard[9]++;\n    layer_00_dense();\n")
    )
    needs = "needs 21,3.. bytes of RAM, stacks included, and QEMU's Cortex-M0 .microbit. has 16,384"
    with pytest.raises(BadModel, match=needs), Microcontroller("cortex-m0", emulator="qemu").load(package):
        pass
    with Microcontroller("cortex-m0").load(package) as loaded:
        samples = loaded.measure(Plan())
    assert samples.runtime["emulator"].startswith("Unicorn") and samples.runtime["memory"] == "free"
    assert samples.counts and samples.counts.ram_bytes.static >= 20000


def compiler_that(folder: Path, does: str) -> str:
    """A PATH on which the compiler for this machine does something else."""
    (folder / "cc").write_text(f"#!/bin/sh\n{does}\n")
    (folder / "cc").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.mark.parametrize("does", ["exit 1", 'for last; do :; done; echo broken > "$last"'])
def test_without_its_plugin_qemu_counts_by_the_timer(
    does: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = ran(PACKAGE, board("cortex-m4"), Qemu(), tmp_path).counts
    monkeypatch.setenv("PATH", compiler_that(tmp_path, does))
    timed = ran(PACKAGE, board("cortex-m4"), Qemu(), tmp_path).counts
    assert all(count.per_layer == () for count in timed)
    assert all(abs(one.total - other.total) <= 2 for one, other in zip(exact, timed, strict=True))


def test_no_compiler_and_no_emulator_are_named_with_their_cures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools, "find_spec", lambda name: None)
    with pytest.raises(MissingTool, match="no compiler .* apt-get install gcc-arm-none-eabi .* pip install .*mcu"):
        toolchain()
    assert "edgestill doctor emu:cortex-m4" in Microcontroller("cortex-m4").probe().name
    (tmp_path / tools.GCC).symlink_to(shutil.which("true") or "/bin/true")
    monkeypatch.setattr(tools, "has_newlib", lambda command: True)
    target = Microcontroller("cortex-m55")
    missing = r"c_package on emu:cortex-m55: no emulator of the Cortex-M55 .* install qemu-system-arm$"
    with pytest.raises(MissingTool, match=missing), target.load(of_file(PACKAGE)):
        pass


def test_a_missing_tool_is_a_row_and_exit_code_three(edgestill: Any, tmp_path: Path) -> None:
    (tmp_path / tools.GCC).symlink_to(shutil.which(tools.GCC) or "")
    ended = edgestill(
        ["bench", str(PACKAGE), "--on", "emu:cortex-m55", "--json"], tmp_path / "store", PATH=str(tmp_path)
    )
    [row] = json.loads(ended.stdout)["results"]
    assert ended.returncode == 3 and row["error"]["code"] == "MissingTool"
    assert row["error"]["message"].endswith("apt-get install qemu-system-arm")


def test_a_file_of_tflite_is_counted_and_held_to_tflite_micro(edgestill: Any, tmp_path: Path) -> None:
    ended = edgestill(["bench", str(DENSE), "--on", "emu:cortex-m4", "--json"], tmp_path / "store")
    [row] = json.loads(ended.stdout)["results"]
    assert row["error"] is None and row["evidence"] == "emulated" and row["latency_us"] is None
    spent = row["instructions"]
    assert sum(layer["instructions"] for layer in spent["per_layer"]) <= spent["total"]
    assert sum(layer["macs"] for layer in spent["per_layer"]) == 264192
    assert spent["input_independent"]
    cycles = row["cycles_estimate"]
    assert cycles["low"] < spent["total"] * 1.595 < cycles["high"] and "L4R5" in cycles["board"]
    assert "±15 % on calibrated convolution networks; no cache, flash or bus model" in cycles["caveat"]
    ram, flash = row["ram_bytes"], row["flash_bytes"]
    assert ram["total"] == ram["plan"] + ram["stack"] + ram["static"] and ram["tflm_arena"]["total"] > ram["total"]
    assert flash["total"] == flash["code"] + flash["weights"]
    assert row["output"]["reference"].startswith("tflite-micro") and row["output"]["matches_reference"]
    assert row["output"]["values"] == 2 * 640
    assert "-O2" in row["runtime"]["flags"] and "12." in row["runtime"]["compiler"]


def test_the_tables_of_a_bench_keep_unlike_rows_apart(edgestill: Any, tmp_path: Path) -> None:
    onnx = CASES / "mlperf-tiny" / "ad_int8.tflite"
    targets = "host,emu:cortex-m4,emu:cortex-m7"
    ended = edgestill(["bench", str(onnx), "--on", targets, "--runs", "5"], tmp_path / "store")
    measured, counted = ended.stdout.split("\n\n")[:2]
    assert "p50" in measured and "instructions" not in measured and "emu:" not in measured
    rows = [line.split() for line in counted.splitlines() if "emu:" in line and line.startswith("ad_int8")]
    assert [row[1] for row in rows] == ["emu:cortex-m4", "emu:cortex-m7"]
    assert rows[0][-1] == rows[1][-1] == "yes"
    assert rows[0][3] != "–" and rows[1][3] == "–"  # nobody calibrated the Cortex-M7


def test_outputs_that_are_not_the_references_are_counted(changed: Change) -> None:
    package = changed("sum >>= 7;", "sum >>= 6;")
    with Microcontroller("cortex-m4").load(of_file(package)) as loaded:
        counts = loaded.measure(Plan()).counts
    assert counts and counts.agreement.mismatches > 0 and counts.agreement.values == 3


def test_many_samples_run_at_once(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).integers(-128, 128, (5, 8)).astype(np.int8)
    with Microcontroller("cortex-m4").load(of_file(PACKAGE)) as loaded:
        [together] = loaded.infer([samples])
        alone = [loaded.infer([samples[i : i + 1]])[0] for i in range(5)]
        with pytest.raises(
            BadModel, match=r"c_package on emu:cortex-m4: input 'x' is int8 \[1, 8\], not float32 \[1, 8\]"
        ):
            loaded.infer([samples.astype(np.float32)])
    np.testing.assert_array_equal(together, np.concatenate(alone))


def test_what_is_no_package_and_no_tflite_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArtifact, match="so no C package"):
        of_file(tmp_path)
    (tmp_path / "net.onnx").write_bytes(b"")
    with (
        pytest.raises(BadInput, match="emu:cortex-m4 runs full-integer .tflite files and C packages, not .onnx"),
        Microcontroller("cortex-m4").load(of_file(tmp_path / "net.onnx")),
    ):
        pass
    shutil.copytree(PACKAGE, tmp_path / "package")
    (tmp_path / "package" / "manifest.json").write_text("{}")
    broken = of_file(tmp_path / "package")
    with pytest.raises(BadModel, match="manifest.json cannot be read"), Microcontroller("cortex-m4").load(broken):
        pass


def test_names_of_tools_are_checked() -> None:
    with pytest.raises(BadInput, match="there are gcc, zig"):
        toolchain("armcc")  # type: ignore[arg-type]
    target = Microcontroller("cortex-m55", emulator="unicorn")
    with pytest.raises(BadInput, match="Unicorn has no model of the Cortex-M55"), target.load(of_file(PACKAGE)):
        pass


def test_every_target_says_what_it_is_without_running_anything() -> None:
    for core in BOARDS:
        target = Microcontroller(core)
        assert target.evidence is Evidence.EMULATED and target.probe().facts["machine"] == board(core).machine


def test_an_estimate_is_as_wide_as_its_worst_error() -> None:
    known = [one.cycles for one in map(board, BOARDS) if one.cycles]
    assert len(known) == 2
    for cycles in known:
        assert len(cycles.models) == len(cycles.residuals) == len(cycles.left_one_out)
        assert max(map(abs, cycles.left_one_out)) < SPREAD


def test_seeded_inputs_are_those_of_the_agent() -> None:
    agent = runpy.run_path(str(agent_source()))
    for dtype in ("int8", "float32", "int32"):
        ours, theirs = seeded.seeded((3, 50), dtype, 7), agent["seeded"]([3, 50], dtype, 7)
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype


def test_the_plugin_is_built_once_for_a_folder(tmp_path: Path) -> None:
    assert Qemu()._built(tmp_path)
    stamp = (tmp_path / qemu.PLUGIN).stat().st_mtime_ns
    assert Qemu()._built(tmp_path) and (tmp_path / qemu.PLUGIN).stat().st_mtime_ns == stamp


def test_outputs_that_are_not_the_references_shut_the_gate(edgestill: Any, tmp_path: Path) -> None:
    package = shutil.copytree(PACKAGE, tmp_path / "package")
    golden = package / "golden.h"
    golden.write_text(golden.read_text().replace("{186, 95, 49}", "{186, 95, 50}"))
    ended = edgestill(["bench", str(package), "--on", "emu:cortex-m4"], tmp_path / "store")
    assert ended.returncode == 1
    assert "are not" in ended.stdout


@pytest.mark.parametrize(
    ("key", "lie"),
    [
        ("inputs", [{"name": "x", "shape": [-1, -8], "dtype": "int8"}]),
        ("inputs", [{"name": "x", "shape": [1, 8.0], "dtype": "int8"}]),
        ("inputs", [{"name": "x", "shape": "ab", "dtype": "int8"}]),
        ("inputs", [{"name": "x", "shape": [1, 2**31], "dtype": "int8"}]),
        ("inputs", [{"name": "x", "shape": [8], "dtype": "V2000000000"}]),
        ("outputs", []),
        ("layers", [{"function": "f", "kind": "k", "name": "n", "macs": {}}]),
        ("ram", {"arena": -5000}),
        ("ram", {"arena": 10**12}),
        ("ram", {"arena": float("inf")}),
    ],
)
def test_a_manifest_that_lies_is_refused(key: str, lie: object, tmp_path: Path) -> None:
    package = shutil.copytree(PACKAGE, tmp_path / "package")
    told = json.loads((package / "manifest.json").read_text())
    (package / "manifest.json").write_text(json.dumps({**told, key: lie}))
    with (
        pytest.raises(BadModel, match="manifest.json cannot be read.*compile the package again"),
        Microcontroller("cortex-m4").load(of_file(package)),
    ):
        pass


def test_a_manifest_without_end_is_refused(tmp_path: Path) -> None:
    package = shutil.copytree(PACKAGE, tmp_path / "package")
    (package / "manifest.json").write_text("[" * 200_000)
    with pytest.raises(BadModel, match="cannot be read"), Microcontroller("cortex-m4").load(of_file(package)):
        pass
