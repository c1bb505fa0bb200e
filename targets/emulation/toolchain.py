"""The cross compilers: Arm's gcc, whose counts are published, and Zig's clang, which pip installs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...pipeline.errors import BadInput, MissingTool
from . import tools
from .board import Board

Name = Literal["gcc", "zig"]
COMPILE = ("-std=c11", "-O2", "-mthumb", "-ffunction-sections", "-fdata-sections")
STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic")
LINK = ("-Wl,--gc-sections", "-nostartfiles")
OURS = ("-Wall", "-Wextra", "-Werror", "-fno-tree-loop-distribute-patterns")  # loops of the harness stay loops
OURS_ZIG = ("-Wall", "-Wextra", "-Werror", "-fno-builtin")
# Zig's clang as a release compiler: no checks that trap, no debug information, no tables for unwinding
ZIG = ("-g0", "-fno-sanitize=undefined", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables")


@dataclass(frozen=True)
class Toolchain:
    """A compiler of C for Cortex-M."""

    name: Name
    command: tuple[str, ...]

    @property
    def version(self) -> str:
        if self.name == "gcc":
            return tools.version_line((*self.command, "--version"))
        return f"zig {tools.version_line((*tools.python_module('ziglang'), 'version'))}"

    def flags(self, board: Board) -> tuple[str, ...]:
        """What the package's own file is compiled with, warnings apart."""
        return (*board.flags, *COMPILE) if self.name == "gcc" else (*board.zig, *COMPILE, *ZIG)

    def link_flags(self, board: Board) -> tuple[str, ...]:
        return (*board.flags, "-mthumb", *LINK) if self.name == "gcc" else (*board.zig, *LINK, "-Wl,--entry,reset")

    def compile(self, source: Path, into: Path, board: Board, extra: Sequence[str] = STRICT) -> Path:
        """The object file, named for the source, in the folder `into`."""
        made = into / f"{source.stem}.o"
        command = [*self.command, *self.flags(board), *extra, "-c", str(source.resolve()), "-o", made.name]
        tools.build(command, into, f"compiling {source.name}")
        return made

    def compile_ours(self, source: Path, into: Path, board: Board, extra: Sequence[str]) -> Path:
        """A file of the harness: as the package's, but no loop becomes a call of a library."""
        return self.compile(source, into, board, (*(OURS if self.name == "gcc" else OURS_ZIG), *extra))

    def link(self, objects: Sequence[Path], script: Path, into: Path, board: Board) -> Path:
        made = into / "firmware.elf"
        names = [file.name for file in objects]
        command = [*self.command, *self.link_flags(board), f"-Wl,-T,{script.name}", *names, "-o", made.name]
        tools.build(command, into, "linking the firmware")
        return made


def toolchain(name: Name | None = None) -> Toolchain:
    """The compiler of this name, or the first that is there: gcc, then Zig; MissingTool names what brings one."""
    if name not in (None, "gcc", "zig"):
        raise BadInput(f"no toolchain is named {name!r}; there are gcc, zig")
    if name != "zig" and tools.has_program(tools.GCC) and tools.has_newlib(tools.GCC):
        return Toolchain("gcc", (tools.GCC,))
    if name != "gcc" and tools.has_module("ziglang"):
        return Toolchain("zig", (*tools.python_module("ziglang"), "cc"))
    raise MissingTool(f"no compiler for Cortex-M is here; {tools.cure(tools.BRINGS_GCC)}")
