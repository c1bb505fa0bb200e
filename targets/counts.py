"""What is exact of a file on an emulated board: instructions, memory, flash, and whether its outputs are right."""

from dataclasses import dataclass

CAVEAT = "instruction-accurate, cycle-estimated; ±15 % on calibrated convolution networks; no cache, flash or bus model"


@dataclass(frozen=True)
class LayerInstructions:
    """A layer's share of an inference, with what it shares with other layers counted where it is called."""

    function: str
    kind: str
    name: str
    macs: int
    instructions: int
    input_independent: bool


@dataclass(frozen=True)
class Instructions:
    """Of one inference. `per_layer` is empty where only the total was counted.

    `input_independent` says, here and of each layer, whether two different inputs took the same number; None
    where one input was counted.
    """

    total: int
    per_layer: tuple[LayerInstructions, ...]
    input_independent: bool | None


@dataclass(frozen=True)
class CyclesEstimate:
    """Cycles of one inference on a real board: not counted, but told from instructions by a constant of that board."""

    low: int
    high: int
    board: str
    model: str
    caveat: str = CAVEAT


@dataclass(frozen=True)
class Estimate:
    """What a compiler for an NPU says of a file without running it, and how many of its operators go to the CPU."""

    cycles: CyclesEstimate
    sram_bytes: int
    flash_bytes: int
    npu_operators: int
    cpu_operators: int


@dataclass(frozen=True)
class RamBytes:
    """`plan` is the arena: activations, inputs, outputs, scratch. `static` are other variables; `stack` was painted."""

    plan: int
    stack: int
    static: int
    total: int


@dataclass(frozen=True)
class FlashBytes:
    """The package alone, with what it uses of the compiler's libraries; no start-up code, no harness."""

    code: int
    weights: int
    total: int


@dataclass(frozen=True)
class Agreement:
    """How many values differ from those of a reference, of how many."""

    reference: str
    mismatches: int
    values: int


@dataclass(frozen=True)
class Counts:
    """Everything exact, and the one estimate that stands beside it; None for a board that nobody calibrated."""

    instructions: Instructions
    cycles_estimate: CyclesEstimate | None
    ram_bytes: RamBytes
    flash_bytes: FlashBytes
    agreement: Agreement
