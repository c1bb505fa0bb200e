"""Unicorn, in a process of its own: it needs no root, and its memory is as large as one likes."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from ..setup.installation import version_of
from .board import Board, Memory
from .emulator import run_machine
from .image import Image
from .outcome import Mark, read_marks


@dataclass(frozen=True)
class Unicorn:
    """It counts by layer. It runs instructions that the core does not have: whether one faults, only QEMU tells."""

    @property
    def name(self) -> str:
        return "unicorn"

    @property
    def version(self) -> str:
        return f"Unicorn {version_of('unicorn')}"

    def memory(self, board: Board) -> Memory:
        return board.free_memory or board.memory

    def run(self, image: Image, folder: Path, limit_seconds: float) -> Sequence[Mark]:
        (folder / "addresses").write_text("".join(f"{address:x}\n" for address in image.markers))
        (folder / "machine.json").write_text(json.dumps(self._machine(image, folder)))
        agent = resources.files("edgestill.targets") / "agents" / "unicorn_machine.py"
        with resources.as_file(agent) as program:
            run_machine((sys.executable, "-P", str(program)), image, folder, limit_seconds)
        return read_marks(folder / "marks")

    def _machine(self, image: Image, folder: Path) -> dict[str, object]:
        segments = []
        for index, segment in enumerate(image.elf.segments):
            (folder / f"segment{index}").write_bytes(segment.data)
            segments.append({"address": segment.address, "file": f"segment{index}"})
        memory = image.memory
        return {
            "cpu": image.board.unicorn,
            "memory": [
                [memory.vectors, 0x400],
                [memory.code, memory.code_bytes],
                [memory.ram, memory.ram_bytes],
            ],
            "segments": segments,
            "stack": image.elf.symbols["stack_top"],
            "entry": image.elf.symbols["reset"],
        }
