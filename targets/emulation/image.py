"""A firmware image: a C package with our start-up and harness around it, linked for one board."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...pipeline.errors import BadModel
from .board import Board, Memory
from .elf import Elf, read_elf
from .toolchain import STRICT, Toolchain

HARNESS_STACK = 1024  # bytes, as firmware/link.ld has it
DTYPES = ("int8", "uint8", "int32")  # of ports
MOST_VALUES, MOST_BYTES = 1 << 24, 1 << 30  # of a port, and of any size that a manifest tells
MOST_STACK, LEAST_STACK = 64 << 10, 256  # bytes for model_run


@dataclass(frozen=True)
class Port:
    """An input or output of a package."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def size(self) -> int:
        """In bytes."""
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize

    def array(self, data: bytes) -> NDArray[Any]:
        return np.frombuffer(data, self.dtype).reshape(self.shape)


@dataclass(frozen=True)
class Layer:
    """A layer of a package: the C function that computes it, its kind, and the multiply-accumulates it stands for."""

    function: str
    kind: str
    name: str
    macs: int


@dataclass(frozen=True)
class PackageFacts:
    """What a C package's manifest says that we need."""

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    layers: tuple[Layer, ...]
    arena_bytes: int


@dataclass(frozen=True)
class Image:
    """A linked firmware. `markers` are the addresses at which it is asked how many instructions had run."""

    path: Path
    elf: Elf
    board: Board
    memory: Memory
    package: PackageFacts

    @property
    def begin(self) -> int:
        return self.elf.symbols["model_run"]

    @property
    def end(self) -> int:
        return self.elf.symbols["model_returned"]

    @property
    def layers(self) -> tuple[int | None, ...]:
        """Where each layer's function begins; None for one that the compiler folded into another."""
        return tuple(self.elf.symbols.get(layer.function) for layer in self.package.layers)

    @property
    def markers(self) -> tuple[int, ...]:
        return tuple(sorted({self.begin, self.end, *(address for address in self.layers if address is not None)}))

    @property
    def ram_wanted(self) -> int:
        """Bytes of RAM, with the least stacks that make sense."""
        return self.elf.symbols["bss_end"] - self.memory.ram + HARNESS_STACK + LEAST_STACK

    @property
    def code_wanted(self) -> int:
        return self.elf.code_end - self.memory.code

    @property
    def fits(self) -> bool:
        return self.ram_wanted <= self.memory.ram_bytes and self.code_wanted <= self.memory.code_bytes


def read_package(folder: Path) -> PackageFacts:
    """The manifest of a C package; BadModel when the folder is none, or not of our making."""
    try:
        told = json.loads((folder / "manifest.json").read_text())
        return PackageFacts(
            str(told["name"]),
            _ports(told["inputs"]),
            _ports(told["outputs"]),
            tuple(_layer(one) for one in told["layers"]),
            _count(told["ram"]["arena"]),
        )
    except OSError as error:
        raise BadModel(f"{folder}: is no C package: {error.strerror}: manifest.json") from error
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise BadModel(f"{folder}: manifest.json cannot be read: {error!r}; compile the package again") from error


def build_image(package: Path, board: Board, memory: Memory, toolchain: Toolchain, into: Path, own_test: bool) -> Image:
    """Compiles and links in the folder `into`; `own_test` adds the package's self test to what the harness runs."""
    facts = read_package(package)
    ours = resources.files("edgestill.targets") / "firmware"
    with resources.as_file(ours) as firmware:
        model = toolchain.compile(package / "model.c", into, board, (*STRICT, f"-I{package.resolve()}"))
        includes = (f"-I{package.resolve()}", *_timer(board), *(("-DWITH_SELFTEST",) if own_test else ()))
        objects = [toolchain.compile_ours(firmware / name, into, board, includes) for name in ("start.c", "main.c")]
        if own_test:
            objects.append(toolchain.compile_ours(package / "selftest.c", into, board, includes))
        script = into / "link.ld"
        script.write_text(_script((firmware / "link.ld").read_text(), memory))
    elf = toolchain.link([*objects, model], script, into, board)
    return Image(elf, read_elf(elf), board, memory, facts)


def _timer(board: Board) -> tuple[str, ...]:
    return (f"-DTIMER_{board.timer.kind.upper()}", f"-DTIMER_BASE={board.timer.base:#x}")


def _script(template: str, memory: Memory) -> str:
    values = {name: getattr(memory, name) for name in ("vectors", "code", "ram", "ram_bytes")}
    for name, value in {**values, "stack_bytes": MOST_STACK}.items():
        template = template.replace(f"@{name}@", f"{value:#x}")
    return template


def _ports(values: Sequence[Mapping[str, Any]]) -> tuple[Port, ...]:
    ports = tuple(Port(str(one["name"]), tuple(map(_count, one["shape"])), _dtype(one["dtype"])) for one in values)
    if not ports or any(math.prod(port.shape) > MOST_VALUES for port in ports):
        raise ValueError(f"{len(ports)} ports, of up to {MOST_VALUES} values each")
    return ports


def _layer(told: Mapping[str, Any]) -> Layer:
    function, kind, name, macs = (told[key] for key in ("function", "kind", "name", "macs"))
    if not isinstance(macs, int):
        raise TypeError(f"{macs!r} multiply-accumulates")
    return Layer(str(function), str(kind), str(name), macs)


def _count(told: object) -> int:
    """A number of things that are there: ValueError for any other value."""
    if type(told) is not int or not 1 <= told <= MOST_BYTES:
        raise ValueError(f"{told!r:.60} is no number from 1 to {MOST_BYTES}")
    return told


def _dtype(told: object) -> str:
    if told not in DTYPES:
        raise ValueError(f"{told!r:.60} is none of {', '.join(DTYPES)}")
    return str(told)
