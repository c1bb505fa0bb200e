"""QEMU's boards: instructions counted by a plugin of ours, or by the board's timer in QEMU's instruction time."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from ...pipeline.errors import EdgestillError, RuntimeDied
from . import tools
from .board import Board, Memory
from .emulator import run_machine
from .image import Image
from .outcome import Mark, read_marks

SHIFT = 6  # an instruction lasts 2^6 ns of virtual time
QUIET = ("-display", "none", "-monitor", "none", "-serial", "null")
SEMIHOSTING = ("-semihosting-config", "enable=on,target=native")
SHARED = ("-O2", "-shared", "-fPIC")
PLUGIN = "libqemu_counter.so"


@dataclass(frozen=True)
class Qemu:
    """`counts` says how: "plugin" counts by layer; "icount" needs no compiler for this machine, and knows only totals.

    With None the plugin is tried, and icount is the way out.
    """

    counts: str | None = None

    @property
    def name(self) -> str:
        return "qemu"

    @property
    def version(self) -> str:
        return tools.version_line((tools.QEMU, "--version"))

    def memory(self, board: Board) -> Memory:
        return board.memory

    def run(self, image: Image, folder: Path, limit_seconds: float) -> Sequence[Mark] | None:
        machine = (tools.QEMU, "-M", image.board.machine, *QUIET, *SEMIHOSTING, "-kernel", image.path.name)
        if self.counts != "icount" and self._built(folder):
            (folder / "addresses").write_text("".join(f"{address:x}\n" for address in image.markers))
            try:
                run_machine((*machine, "-plugin", f"./{PLUGIN}"), image, folder, limit_seconds)
                return read_marks(folder / "marks")
            except RuntimeDied:
                if self.counts == "plugin" or (folder / "marks").is_file():  # the plugin opens it as it is loaded
                    raise
        run_machine((*machine, "-icount", f"shift={SHIFT}"), image, folder, limit_seconds)
        return None

    def _built(self, folder: Path) -> bool:
        """Whether the plugin lies in the folder: a compiler for this machine takes a tenth of a second to make it."""
        compiler = tools.host_compiler()
        if (folder / PLUGIN).is_file() or compiler is None:
            return compiler is not None
        source = resources.files("edgestill.targets") / "agents" / "qemu_counter.c"
        with resources.as_file(source) as file:
            try:
                tools.build((*compiler, *SHARED, str(file), "-o", PLUGIN), folder, "building the plugin")
            except EdgestillError:
                if self.counts == "plugin":
                    raise
        return (folder / PLUGIN).is_file()


def instructions_a_tick(board: Board) -> float:
    """How many instructions pass between two ticks of the board's timer in icount."""
    return 1e9 / (board.timer.hertz * (1 << SHIFT))
