"""What an emulator is to us: it runs an image in a folder and says which marks were passed; and how it is run."""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ...pipeline.errors import BadModel, RuntimeDied
from .board import Board, Memory
from .image import Image
from .outcome import Mark

FAULT = re.compile(r"FAULT ([0-9a-f]{8}) ([0-9a-f]{8}) ([0-9a-f]{8})")
STOPPED = re.compile(r"STOPPED ([0-9a-f]{8}) (.*)")
FAULTS = {2: "NMI", 3: "HardFault", 4: "MemManage", 5: "BusFault", 6: "UsageFault", 7: "SecureFault"}
CAUSES = {  # bits of the configurable fault status register (Armv8-M Architecture Reference Manual, CFSR)
    0: "an instruction was fetched where none may be",
    1: "memory was used that may not be",
    8: "an instruction was fetched where there is no memory",
    9: "data were used where there is no memory",
    10: "data were used where there is no memory",
    16: "an instruction that this core does not have",
    17: "an instruction set that this core does not have",
    18: "a return that is none",
    19: "a coprocessor that is not there, or off",
    20: "the stack ran over",
    24: "data were used that are not aligned",
    25: "a division by zero",
}
DIES_WITH_US = "setpriv --pdeathsig KILL"  # of util-linux; elsewhere the limit of processor time ends it
BOUNDED = (  # seconds of processor time, then the command
    "/bin/sh",
    "-c",
    f'ulimit -t "$0"; {DIES_WITH_US} true 2>/dev/null && exec {DIES_WITH_US} "$@"; exec "$@"',
)


class Emulator(Protocol):
    """Runs firmware images."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def memory(self, board: Board) -> Memory:
        """Where things lie on the board as it emulates it."""
        ...

    def run(self, image: Image, folder: Path, limit_seconds: float) -> Sequence[Mark] | None:
        """Runs the image in the folder, where its `inputs` lie and its `outputs` will; None where nobody noted marks.

        BadModel when the processor faults; RuntimeDied when it does not end, or the emulator does before it.
        """
        ...


def run_machine(command: Sequence[str], image: Image, folder: Path, limit_seconds: float) -> None:
    """Runs an emulator until the firmware ends it; it dies with us, or at its limit of processor time at the latest."""
    try:
        ended = subprocess.run(
            (*BOUNDED, str(int(limit_seconds) + 1), *command),
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=limit_seconds,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeDied(f"no end within {limit_seconds:g} s on {image.board.name}; give it fewer samples") from error
    if ended.returncode:
        raise _told(ended.stderr + ended.stdout, ended.returncode, image)


def _told(said: str, code: int, image: Image) -> BadModel | RuntimeDied:
    """Why it ended otherwise than it should."""
    if found := FAULT.search(said):
        number, status, place = (int(word, 16) for word in found.groups())
        causes = ", ".join(cause for bit, cause in CAUSES.items() if status >> bit & 1) or "no cause is given"
        kind = FAULTS.get(number, f"exception {number}")
        where = image.elf.place(place)
        return BadModel(f"the {image.board.core} faulted at {where}: {causes} ({kind}, CFSR {status:08x})")
    if found := STOPPED.search(said):
        where = image.elf.place(int(found[1], 16))
        return BadModel(f"the {image.board.core} stopped at {where}: {found[2]}")
    last = said.strip().splitlines()[-1:] or ["it said nothing"]
    return RuntimeDied(f"the emulator ended with code {code}: {last[0]}")
