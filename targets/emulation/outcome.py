"""What a firmware left behind: outputs and ticks of every inference, its last words, and the marks that it passed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...pipeline.errors import BadModel
from .image import Image, Port

TICKS, LAST_WORDS = 4, 16  # bytes


@dataclass(frozen=True)
class Mark:
    """A marked instruction began when so many instructions had run."""

    address: int
    total: int


@dataclass(frozen=True)
class Count:
    """The instructions of one inference, from the first of model_run to its return, and those of each layer.

    `per_layer` is empty where nobody noted when the layers began, or where a layer has no function of its own.
    """

    total: int
    per_layer: tuple[int, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """`outputs[i]` are the i-th inference's; `counts` as many; `wrong` is how many bytes its own test found wrong."""

    outputs: tuple[list[NDArray[Any]], ...]
    counts: tuple[Count, ...]
    stack_bytes: int
    wrong: int


def write_inputs(path: Path, samples: Sequence[Sequence[NDArray[Any]]], ports: Sequence[Port]) -> None:
    """Every sample's inputs in turn; BadModel when they are not what the package takes."""
    with path.open("wb") as file:
        for sample in samples:
            if len(sample) != len(ports):
                raise BadModel(f"{len(sample)} inputs given, the package takes {len(ports)}")
            for array, port in zip(sample, ports, strict=True):
                if array.dtype != port.dtype or array.size * array.dtype.itemsize != port.size:
                    given = f"{array.dtype} {list(array.shape)}"
                    raise BadModel(f"input {port.name!r} is {port.dtype} {list(port.shape)}, not {given}")
                file.write(np.ascontiguousarray(array).tobytes())


def read_outcome(data: bytes, marks: Sequence[Mark] | None, image: Image, inferences: int, tick: float) -> Outcome:
    """From the bytes of `outputs`; without marks, from its ticks: `tick` is how many instructions one lasts."""
    record = sum(port.size for port in image.package.outputs) + TICKS
    wanted = inferences * record + LAST_WORDS
    if len(data) != wanted:
        raise BadModel(f"the firmware wrote {len(data)} bytes of outputs, not {wanted}; compile the package again")
    records = [data[i * record : (i + 1) * record] for i in range(inferences)]
    idle, used, there, wrong = (int(word) for word in np.frombuffer(data[-LAST_WORDS:], "<u4"))
    if used >= there:
        raise BadModel(f"it takes more stack than there is beside its arena, {there:,} bytes")
    ticks = [int(np.frombuffer(one[-TICKS:], "<u4")[0]) - idle for one in records]
    counts = tuple(counted(marks, image)) if marks is not None else tuple(Count(round(t * tick) + 1) for t in ticks)
    return Outcome(tuple(list(_arrays(one, image)) for one in records), counts[:inferences], used, wrong)


def _arrays(record: bytes, image: Image) -> Iterator[NDArray[Any]]:
    place = 0
    for port in image.package.outputs:
        yield port.array(record[place : place + port.size])
        place += port.size


def read_marks(path: Path) -> list[Mark]:
    """The lines of `marks`: an address, hexadecimal, and a number."""
    pairs = (line.split() for line in path.read_text().splitlines())
    return [Mark(int(address, 16), int(total)) for address, total in pairs]


def counted(marks: Sequence[Mark], image: Image) -> Iterator[Count]:
    """One count an inference, in order."""
    passed: list[Mark] = []
    for mark in marks:
        if mark.address == image.begin:
            passed = [mark]
        elif passed and mark.address != image.end:
            passed.append(mark)
        elif passed:
            yield Count(mark.total - passed[0].total, per_layer(passed[1:], mark.total, image.layers))
            passed = []


def per_layer(passed: Sequence[Mark], end: int, layers: Sequence[int | None]) -> tuple[int, ...]:
    """What ran from the beginning of each layer to that of the next; a function that begins again is not the next."""
    begun: list[int] = []
    for mark in passed:
        if len(begun) < len(layers) and mark.address == layers[len(begun)]:
            begun.append(mark.total)
    if len(begun) != len(layers):
        return ()
    return tuple(after - before for before, after in zip(begun, [*begun[1:], end], strict=True))
