"""A microcontroller that is emulated: the file as C on a Cortex-M board, every instruction counted."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from ...pipeline.artifact import Artifact
from ...pipeline.errors import BadInput, BadModel, EdgestillError, MissingTool, RuntimeDied
from ...pipeline.scratch import scratch_folder
from ..counts import Agreement, Counts, CyclesEstimate, FlashBytes, Instructions, LayerInstructions, RamBytes
from ..seeded import seeded
from ..setup.installation import version_of
from ..target import HERE, Arrays, Device, Evidence, Plan, Samples
from . import choice, toolchain, tools
from .board import SPREAD, Board, board
from .emulator import Emulator
from .image import Image
from .outcome import Count, Outcome, read_outcome, write_inputs
from .qemu import instructions_a_tick

LIMIT_SECONDS = 300.0
SECOND_SEED = 1000  # of the inputs that tell whether the count depends on them


@dataclass(frozen=True)
class Microcontroller:
    """An emulated board with a core such as "cortex-m4".

    `compiler` and `emulator` are the first that are here unless named; what is published comes from gcc under QEMU.
    """

    core: str
    compiler: toolchain.Name | None = None
    emulator: choice.Name | None = None
    limit_seconds: float = LIMIT_SECONDS

    @property
    def name(self) -> str:
        return f"emu:{self.core}"

    @property
    def evidence(self) -> Evidence:
        return Evidence.EMULATED

    @property
    def board(self) -> Board:
        return board(self.core)

    @property
    def place(self) -> str:
        return HERE

    def probe(self) -> Device:
        """What is told in a few milliseconds; nothing is built or run."""
        programs = {name: tools.has_program(name) for name in (tools.GCC, tools.QEMU)}
        modules = {name: tools.has_module(name) for name in ("ziglang", "unicorn")}
        facts = {"core": self.board.core, "machine": self.board.machine, **programs, **modules}
        try:
            compiler, emulator = toolchain.toolchain(self.compiler), choice.emulators(self.board, self.emulator)[0]
        except MissingTool:
            return Device(f"{self.board.core}: tools are missing, see `edgestill doctor {self.name}`", facts)
        return Device(f"{self.board.core}, {compiler.name}, {emulator.name}", facts)

    @contextmanager
    def load(self, file: Artifact, threads: int = 1) -> Iterator["MicrocontrollerLoaded"]:
        """The file as C, compiled and linked for the board; a C package is taken as it is.

        BadInput for any other kind; BadModel for what cannot be compiled, does not fit or faults; MissingTool.
        """
        if file.kind not in ("tflite", "c"):
            raise BadInput(
                f"{file.path.name}: {self.name} runs full-integer .tflite files and C packages, not .{file.kind}"
            )
        with scratch_folder() as folder:
            with _told_with(file.path.name, self.name):
                compiler, found = toolchain.toolchain(self.compiler), choice.emulators(self.board, self.emulator)
            package = self._package(file, folder)
            with _told_with(file.path.name, self.name):
                emulator, image = choice.fitting(package, self.board, found, compiler, folder, file.kind == "c")
            yield MicrocontrollerLoaded(self, file, folder, compiler, emulator, image)

    def _package(self, file: Artifact, folder: Path) -> Path:
        if file.kind == "c":
            return file.path.resolve()
        from ...pipeline.codegen.compile_file import compile_file

        package = folder / "package"
        compile_file(file.path, self.core).write(package)
        return package


class MicrocontrollerLoaded:
    """A file on an emulated board, ready to run."""

    def __init__(
        self,
        target: Microcontroller,
        file: Artifact,
        folder: Path,
        compiler: toolchain.Toolchain,
        emulator: Emulator,
        image: Image,
    ) -> None:
        self._target, self._file, self._folder, self._image = target, file, folder, image
        self._compiler, self._emulator = compiler, emulator
        self.inputs = [{"name": one.name, "shape": list(one.shape), "dtype": one.dtype} for one in image.package.inputs]

    def infer(self, inputs: Arrays | None = None) -> Arrays:
        """The outputs for as many samples as the inputs hold, (n, ...) each."""
        arrays = self._seeded(0) if inputs is None else inputs
        sizes = {len(array) for array in arrays}
        if len(sizes) != 1:
            raise BadInput(f"{self._file.path.name}: inputs hold {sorted(sizes)} samples; every input needs the same")
        samples = [[array[i : i + 1] for array in arrays] for i in range(sizes.pop())]
        return _stacked(self._run(samples)[0].outputs)

    def measure(self, plan: Plan) -> Samples:
        """Two seeded inputs, once each: what is counted does not vary. The plan asks for nothing that matters here."""
        inputs = [self._seeded(0), self._seeded(SECOND_SEED)]
        outcome, how = self._run(inputs)
        first, second = outcome.counts
        counts = Counts(
            self._instructions(first, second),
            self._cycles(first),
            *self._bytes(outcome),
            self._agreement(inputs, outcome),
        )
        digest = sha256(b"".join(array.tobytes() for array in outcome.outputs[0])).hexdigest()
        return Samples(self._runtime(how), None, (), None, digest, counts=counts)

    def _seeded(self, seed: int) -> Arrays:
        return [seeded(port.shape, port.dtype, seed + index) for index, port in enumerate(self._image.package.inputs)]

    def _run(self, samples: Sequence[Arrays]) -> tuple[Outcome, str]:
        """The outcome, and how instructions were counted."""
        with _told_with(self._file.path.name, self._target.name):
            write_inputs(self._folder / "inputs", samples, self._image.package.inputs)
            marks = self._emulator.run(self._image, self._folder, self._target.limit_seconds)
            data, tick = (self._folder / "outputs").read_bytes(), instructions_a_tick(self._image.board)
            return read_outcome(data, marks, self._image, len(samples), tick), _way(self._emulator, marks)

    def _instructions(self, count: Count, other: Count) -> Instructions:
        layers = zip(self._image.package.layers, count.per_layer, other.per_layer, strict=False)
        per_layer = tuple(
            LayerInstructions(layer.function, layer.kind, layer.name, layer.macs, spent, spent == again)
            for layer, spent, again in layers
        )
        return Instructions(count.total, per_layer, count == other)

    def _cycles(self, count: Count) -> CyclesEstimate | None:
        known = self._image.board.cycles
        if known is None:
            return None
        middle = count.total * known.per_instruction
        model = f"{known.per_instruction:g} cycles an instruction ({known.date}): {known.source}"
        return CyclesEstimate(round(middle * (1 - SPREAD)), round(middle * (1 + SPREAD)), known.board, model)

    def _bytes(self, outcome: Outcome) -> tuple[RamBytes, FlashBytes]:
        elf, plan = self._image.elf, self._image.package.arena_bytes
        static = max(0, elf.static_bytes - plan)
        ram = RamBytes(plan, outcome.stack_bytes, static, plan + outcome.stack_bytes + static)
        return ram, FlashBytes(elf.code_bytes, elf.weights_bytes, elf.code_bytes + elf.weights_bytes)

    def _agreement(self, inputs: Sequence[Arrays], outcome: Outcome) -> Agreement:
        """Of a .tflite file's outputs with TFLite Micro's for the same inputs; of a package's, by its own self test."""
        if self._file.kind == "c":
            size = sum(port.size for port in self._image.package.outputs)
            return Agreement("golden.h of the package", outcome.wrong, size)
        from ...pipeline.codegen.integers import integers_alone
        from ...pipeline.runtimes.runtime import run

        given = [np.concatenate(arrays) for arrays in zip(*inputs, strict=True)]
        with integers_alone(self._file.path) as (integers, _):
            reference = run(integers, given, "tflite-micro")
        ours = _stacked(outcome.outputs)
        pairs = list(zip(ours, reference.outputs, strict=True))
        wrong = sum(int((one != other.reshape(one.shape)).sum()) for one, other in pairs)
        name = f"tflite-micro {reference.facts['version']}"
        return Agreement(name, wrong, sum(one.size for one in ours))

    def _runtime(self, how: str) -> dict[str, Any]:
        image, emulator = self._image, self._emulator
        return {
            "name": "C",
            "version": version_of("edgestill"),
            "threads": 1,
            "delegate": "none",
            "compiler": self._compiler.version,
            "flags": " ".join((*self._compiler.flags(image.board), *toolchain.LINK)),
            "emulator": emulator.version,
            "machine": image.board.machine if emulator.name == "qemu" else image.board.unicorn,
            "memory": "the machine's" if image.memory == image.board.memory else "free",
            "counted_by": how,
        }


def _stacked(outputs: Sequence[Arrays]) -> Arrays:
    return [np.concatenate(arrays) for arrays in zip(*outputs, strict=True)]


def _way(emulator: Emulator, marks: object) -> str:
    """How instructions were counted: with marks by layer, else only in all."""
    return "icount and the board's timer" if marks is None else "plugin" if emulator.name == "qemu" else "blocks"


@contextmanager
def _told_with(file: str, target: str) -> Iterator[None]:
    """Errors that know only what went wrong say where as well."""
    try:
        yield
    except (BadModel, RuntimeDied, MissingTool, BadInput) as error:
        raise type(error)(f"{file} on {target}: {error}") from error
    except EdgestillError as error:
        raise EdgestillError(f"{file} on {target}: {error}") from error
