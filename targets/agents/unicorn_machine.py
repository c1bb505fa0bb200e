"""Runs a firmware image in Unicorn and notes how many instructions had run each time that a marked one began.

It is a program of its own, for the Python that has Unicorn (GPL): nobody imports it. In its working directory it finds
`machine.json` (the processor's name, where memory lies, the image's segments, the first stack pointer, the entry) and
`addresses` (one a line, hexadecimal), and writes `marks`: an address and a number a line, as `qemu_counter.c` does.
Files and the console are the firmware's by semihosting; its exit status becomes ours.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, BinaryIO

from unicorn import UC_ARCH_ARM, UC_HOOK_BLOCK, UC_HOOK_INTR, UC_MODE_MCLASS, UC_MODE_THUMB, Uc, UcError, arm_const

PERIPHERALS = ((0x40000000, 0x20000000), (0xE0000000, 0x100000))  # plain memory stands for them
BREAKPOINT = 7  # the exception that `bkpt` raises
SYS_OPEN, SYS_CLOSE, SYS_WRITE0, SYS_WRITE, SYS_READ, SYS_EXIT_EXTENDED = 1, 2, 4, 5, 6, 0x20
PAGE = 0x1000


class Machine:
    """A processor with its memory, the files that the firmware opened, and the marks it passed."""

    def __init__(self, about: dict[str, Any], marked: set[int]) -> None:
        self.uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self.uc.ctl_set_cpu_model(getattr(arm_const, about["cpu"]))
        for start, size in _pages(about["memory"]):
            self.uc.mem_map(start, size)
        for segment in about["segments"]:
            self.uc.mem_write(segment["address"], Path(segment["file"]).read_bytes())
        self.uc.reg_write(arm_const.UC_ARM_REG_SP, about["stack"])
        self.entry, self.marked = about["entry"] | 1, marked
        self.total, self.lengths = 0, {}  # type: int, dict[tuple[int, int], int]
        self.marks: list[tuple[int, int]] = []
        self.files: list[BinaryIO] = []
        self.status: int | None = None
        self.problem = ""

    def run(self) -> int:
        self.uc.hook_add(UC_HOOK_BLOCK, self.block)
        self.uc.hook_add(UC_HOOK_INTR, self.interrupted)
        try:
            self.uc.emu_start(self.entry, 0xFFFFFFFE)
        except UcError as error:
            self.problem = self.problem or str(error)
        if self.status is None:
            print(f"STOPPED {self.uc.reg_read(arm_const.UC_ARM_REG_PC):08x} {self.problem}", file=sys.stderr)
            return 99
        return self.status

    def block(self, uc: Any, address: int, size: int, _: object) -> None:
        """A block begins; a marked address always begins one, since every mark is where a call or a return lands."""
        if address in self.marked:
            self.marks.append((address, self.total))
        length = self.lengths.get((address, size))
        if length is None:
            length = self.lengths[address, size] = _instructions(bytes(uc.mem_read(address, size)))
        self.total += length

    def interrupted(self, uc: Any, number: int, _: object) -> None:
        if number != BREAKPOINT:
            self.problem = f"exception {number}"
            uc.emu_stop()
            return
        operation, parameters = (uc.reg_read(r) for r in (arm_const.UC_ARM_REG_R0, arm_const.UC_ARM_REG_R1))
        uc.reg_write(arm_const.UC_ARM_REG_R0, self.semihost(operation, parameters) & 0xFFFFFFFF)
        uc.reg_write(arm_const.UC_ARM_REG_PC, (uc.reg_read(arm_const.UC_ARM_REG_PC) + 2) | 1)

    def semihost(self, operation: int, parameters: int) -> int:
        """One call of Arm's semihosting; -1 for what the firmware has no need of."""
        if operation == SYS_WRITE0:
            print(self.text(parameters), end="", file=sys.stderr)
            return 0
        if operation == SYS_EXIT_EXTENDED:
            self.status = self.words(parameters, 2)[1]
            self.uc.emu_stop()
            return 0
        if operation == SYS_OPEN:
            return self.open(*self.words(parameters, 3))
        if operation == SYS_CLOSE:
            self.files[self.words(parameters, 1)[0]].close()
            return 0
        if operation in (SYS_READ, SYS_WRITE):
            return self.move(operation, *self.words(parameters, 3))
        return -1

    def open(self, name: int, mode: int, length: int) -> int:
        """In the working directory alone."""
        path = Path(bytes(self.uc.mem_read(name, length)).decode()).name
        self.files.append(Path(path).open("wb" if mode >= 4 else "rb"))  # noqa: SIM115 (the firmware closes it)
        return len(self.files) - 1

    def move(self, operation: int, file: int, place: int, count: int) -> int:
        """How many bytes were not moved."""
        if operation == SYS_WRITE:
            self.files[file].write(bytes(self.uc.mem_read(place, count)))
            return 0
        data = self.files[file].read(count)
        self.uc.mem_write(place, data)
        return count - len(data)

    def words(self, address: int, count: int) -> list[int]:
        data = bytes(self.uc.mem_read(address, 4 * count))
        return [int.from_bytes(data[4 * i : 4 * i + 4], "little") for i in range(count)]

    def text(self, address: int) -> str:
        found = b""
        while (byte := bytes(self.uc.mem_read(address + len(found), 1))) != b"\0":
            found += byte
        return found.decode(errors="replace")


def _pages(memory: list[list[int]]) -> list[tuple[int, int]]:
    """Whole pages around these stretches, and the peripherals where nothing else lies; none twice."""
    wanted = sorted((start // PAGE * PAGE, -(-(start + size) // PAGE) * PAGE) for start, size in memory)
    found: list[tuple[int, int]] = []
    for start, end in wanted:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return [(start, end - start) for start, end in found] + list(PERIPHERALS)


def _instructions(code: bytes) -> int:
    """Thumb: a halfword that begins with 11101, 11110 or 11111 has another one behind it."""
    count, place = 0, 0
    while place < len(code):
        place += 4 if code[place + 1] >> 3 in (0b11101, 0b11110, 0b11111) else 2
        count += 1
    return count


def main() -> int:
    marked = {int(line, 16) for line in Path("addresses").read_text().split()}
    machine = Machine(json.loads(Path("machine.json").read_text()), marked)
    status = machine.run()
    Path("marks").write_text("".join(f"{address:x} {total}\n" for address, total in machine.marks))
    return status


if __name__ == "__main__":
    sys.exit(main())
