"""Which emulator runs an image: QEMU first, whose boards are real; Unicorn where that is not there, or too small."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from ...pipeline.errors import BadInput, BadModel, MissingTool
from ..setup.installation import install_command
from . import tools
from .board import Board
from .emulator import Emulator
from .image import Image, build_image
from .qemu import Qemu
from .toolchain import Toolchain
from .unicorn_emulator import Unicorn

Name = Literal["qemu", "unicorn"]


def emulators(board: Board, name: Name | None = None) -> list[Emulator]:
    """Those that are here and know the board; MissingTool names what brings one."""
    if name not in (None, "qemu", "unicorn"):
        raise BadInput(f"no emulator is named {name!r}; there are qemu, unicorn")
    found = [emulator for emulator in _here(board) if name in (None, emulator.name)]
    if found:
        return found
    if name == "unicorn" and not board.unicorn:
        raise BadInput(f"Unicorn has no model of the {board.core}; use QEMU")
    without_root = f"; or, without root: {install_command('mcu')}" if board.unicorn else ""
    raise MissingTool(f"no emulator of the {board.core} is here; {tools.BRINGS_QEMU}{without_root}")


def fitting(
    package: Path, board: Board, found: list[Emulator], toolchain: Toolchain, into: Path, own_test: bool
) -> tuple[Emulator, Image]:
    """The first of these emulators whose board holds the package, and the image for it.

    BadModel with the figures when none does; MissingTool where Unicorn, which is not here, would.
    """
    for emulator in found:
        image = build_image(package, board, emulator.memory(board), toolchain, into, own_test)
        if image.fits:
            return emulator, image
    if board.free_memory and not tools.has_module("unicorn"):
        cure = install_command("mcu")
        raise MissingTool(f"{_too_large(image)}; Unicorn's {board.core} has more, without root: {cure}")
    raise BadModel(f"{_too_large(image)}; take a board with more, or a smaller model")


def _here(board: Board) -> Iterator[Emulator]:
    if tools.has_program(tools.QEMU):
        yield Qemu()
    if board.unicorn and tools.has_module("unicorn"):
        yield Unicorn()


def _too_large(image: Image) -> str:
    memory, board = image.memory, image.board
    if image.ram_wanted > memory.ram_bytes:
        asked, there, what = image.ram_wanted, memory.ram_bytes, "RAM, stacks included"
    else:
        asked, there, what = image.code_wanted, memory.code_bytes, "flash"
    return f"it needs {asked:,} bytes of {what}, and QEMU's {board.core} ({board.machine}) has {there:,}"
