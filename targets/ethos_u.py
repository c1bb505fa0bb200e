"""Arm's Ethos-U, as its compiler Vela estimates it: nothing runs, so nothing here was measured or counted."""

import csv
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..pipeline.artifact import Artifact
from ..pipeline.errors import BadInput, BadModel, MissingTool, RuntimeDied
from ..pipeline.scratch import scratch_folder
from .counts import CyclesEstimate, Estimate
from .emulation import tools
from .setup.installation import install_command, version_of
from .target import HERE, Arrays, Device, Evidence, Plan, Samples

ACCELERATORS = ("ethos-u55-128", "ethos-u55-256")  # multiply-accumulates a cycle
SYSTEM, MEMORY_MODE = "Ethos_U55_High_End_Embedded", "Shared_Sram"  # of Arm/vela.ini, which Vela ships
CAVEAT = "Vela's model of the NPU, cycle-approximate; operators that fall back to the CPU take no time in it"
KIB = 1024
LIMIT_SECONDS = 300.0


@dataclass(frozen=True)
class EthosU:
    """An Ethos-U of ACCELERATORS, in the system that SYSTEM and MEMORY_MODE describe."""

    accelerator: str

    @property
    def name(self) -> str:
        return self.accelerator

    @property
    def evidence(self) -> Evidence:
        return Evidence.ESTIMATED

    @property
    def place(self) -> str:
        return HERE

    def probe(self) -> Device:
        version = version_of("ethos-u-vela")
        facts = {"vela": version, "system": SYSTEM, "memory_mode": MEMORY_MODE}
        missing = "" if version else f": Vela is missing, see `edgestill doctor {self.name}`"
        return Device(f"{self.accelerator.replace('ethos-u', 'Ethos-U')}, {SYSTEM}, {MEMORY_MODE}{missing}", facts)

    @contextmanager
    def load(self, file: Artifact, threads: int = 1) -> Iterator["EthosULoaded"]:
        """The file, compiled by Vela in a process of its own.

        BadInput for what is no .tflite file; BadModel when nothing of it runs on the NPU; RuntimeDied; MissingTool.
        """
        where = f"{file.path.name} on {self.name}"
        if file.kind != "tflite":
            raise BadInput(f"{where}: Vela takes full-integer .tflite files, not {file.kind}")
        if version_of("ethos-u-vela") is None:
            raise MissingTool(f"{where}: Vela is missing; {install_command('ethos-u')}")
        with scratch_folder() as folder:
            shutil.copyfile(file.path, folder / "model.tflite")
            said = _vela(self.accelerator, folder, where)
            estimate = _estimate(self.accelerator, folder, said)
            if not estimate.npu_operators:
                raise BadModel(f"{where}: none of its operators runs on the NPU; is it full-integer, from end to end?")
            yield EthosULoaded(where, estimate)


class EthosULoaded:
    """What Vela said of a file."""

    def __init__(self, where: str, estimate: Estimate) -> None:
        self._where, self._estimate = where, estimate

    def infer(self, inputs: Arrays | None = None) -> Arrays:
        raise BadInput(f"{self._where}: Vela estimates and computes nothing; infer on the host or an emulated board")

    def measure(self, plan: Plan) -> Samples:
        """The estimate; no plan changes it."""
        runtime: dict[str, Any] = {"name": "vela", "version": version_of("ethos-u-vela"), "threads": 1}
        settings = {"delegate": "none", "system": SYSTEM, "memory_mode": MEMORY_MODE}
        return Samples({**runtime, **settings}, None, (), None, estimate=self._estimate)


def _vela(accelerator: str, folder: Path, where: str) -> str:
    """What Vela prints; its files lie in `out` of the folder afterwards."""
    system = ("--config", "Arm/vela.ini", "--system-config", SYSTEM, "--memory-mode", MEMORY_MODE)
    command = (*tools.python_module("ethosu.vela"), "model.tflite", "--accelerator-config", accelerator, *system)
    try:
        ended = subprocess.run(
            (*command, "--output-dir", "out"),
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeDied(f"{where}: no end within {LIMIT_SECONDS:g} s") from error
    if ended.returncode < 0:
        raise RuntimeDied(f"{where}: Vela was ended by signal {-ended.returncode}")
    if ended.returncode:
        last = (ended.stderr.strip() or ended.stdout.strip() or "it said nothing").splitlines()[-1]
        raise BadModel(f"{where}: Vela refuses it: {last}")
    return ended.stdout


def _estimate(accelerator: str, folder: Path, said: str) -> Estimate:
    """From Vela's summary: cycles, KiB of memory; and how many operators go where."""
    [summary] = (folder / "out").glob("*_summary_*.csv")
    with summary.open(newline="") as file:
        row = next(csv.DictReader(file))
    cycles, clock = round(float(row["cycles_total"])), float(row["core_clock"]) / 1e6
    board = f"{accelerator} at {clock:.0f} MHz, {SYSTEM}, {MEMORY_MODE}"
    flash = float(row["on_chip_flash_memory_used"]) + float(row["off_chip_flash_memory_used"])
    return Estimate(
        cycles=CyclesEstimate(cycles, cycles, board, f"vela {version_of('ethos-u-vela')}", CAVEAT),
        sram_bytes=round(float(row["sram_memory_used"]) * KIB),
        flash_bytes=round(flash * KIB),
        npu_operators=_operators("NPU", said),
        cpu_operators=_operators("CPU", said),
    )


def _operators(where: str, said: str) -> int:
    found = re.search(rf"^{where} operators = (\d+)", said, re.MULTILINE)
    return int(found[1]) if found else 0
