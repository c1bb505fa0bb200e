"""The boards that are emulated: processor, memory, timer, and what is known of cycles, one TOML file each."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

BOARDS = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55")
SPREAD = 0.15  # of an estimate of cycles, each way; no board's left-one-out errors are larger


@dataclass(frozen=True)
class Memory:
    """Where the vectors, the code and the RAM begin, and how many bytes there are."""

    vectors: int
    code: int
    code_bytes: int
    ram: int
    ram_bytes: int


@dataclass(frozen=True)
class Timer:
    """A timer that counts an emulator's virtual time; `kind` says how `firmware/timer.h` reads it."""

    kind: Literal["cmsdk", "nrf", "sse"]
    base: int
    hertz: int


@dataclass(frozen=True)
class Cycles:
    """How many cycles an instruction takes on a real board, fitted to published latencies of these models.

    `residuals` and `left_one_out` are the relative errors of the estimate, a model each: fitted on all of them, and
    fitted on the others.
    """

    board: str
    per_instruction: float
    date: str
    source: str
    models: tuple[str, ...]
    residuals: tuple[float, ...]
    left_one_out: tuple[float, ...]


@dataclass(frozen=True)
class Board:
    """An emulated board. `flags` are gcc's, `zig` what Zig's compiler takes for them; `unicorn` names its processor
    there (None: it has no such model), and `free_memory` is where things lie there when no machine limits them.
    """

    name: str
    core: str
    machine: str
    flags: tuple[str, ...]
    zig: tuple[str, ...]
    timer: Timer
    memory: Memory
    unicorn: str | None
    free_memory: Memory | None
    cycles: Cycles | None


@cache
def board(name: str) -> Board:
    """The board of this name, one of BOARDS."""
    values = tomllib.loads((resources.files("edgestill.targets") / "boards" / f"{name}.toml").read_text())
    free, cycles = values.get("free_memory"), values.get("cycles")
    return Board(
        name=name,
        core=values["core"],
        machine=values["machine"],
        flags=tuple(values["flags"]),
        zig=tuple(values["zig"]),
        timer=Timer(**values["timer"]),
        memory=Memory(**values["memory"]),
        unicorn=values.get("unicorn"),
        free_memory=Memory(**free) if free else None,
        cycles=_cycles(cycles) if cycles else None,
    )


def _cycles(values: Mapping[str, Any]) -> Cycles:
    lists = {name: tuple(values[name]) for name in ("models", "residuals", "left_one_out")}
    return Cycles(**{**values, **lists})
