"""Damaged and hostile model files, each made from a real one by a number: the same number, the same bytes."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import onnx
from ai_edge_litert import schema_py_generated as schema

from edgestill.pipeline.graph.flatbuffer import pack
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.to_onnx import to_onnx
from edgestill.tests.damaged_onnx import ONNX
from edgestill.tests.damaged_tflite import TFLITE

MLPERF = Path(__file__).parent / "cases" / "mlperf-tiny"
REAL = ("kws_fp32", "kws_int8", "ic_fp32", "ic_int8")
COUNT = 300
Dice = random.Random


@dataclass(frozen=True)
class Damaged:
    """A file's bytes, what was done to them, and the ending under which somebody hands it over."""

    what: str
    ending: str
    data: bytes


def damaged(number: int) -> Damaged:
    """The file of this number, 0 to COUNT - 1: the even ones ONNX, the odd ones TFLite; every way of harm in turn."""
    dice = Dice(number)
    ending = ".onnx" if number % 2 == 0 else ".tflite"
    ways: list[tuple[Any, Any]] = [(way, _bytes_of) for way in BYTES]
    ways += [
        (way, _changed_onnx if ending == ".onnx" else _changed_tflite)
        for way in (ONNX if ending == ".onnx" else TFLITE)
    ]
    Dice(0).shuffle(ways)
    way, make = ways[number // 2 % len(ways)]
    source = dice.choice(REAL)
    return Damaged(f"{source} {way.__name__}", ending, make(way, dice, source, ending))


@cache
def real(source: str, ending: str) -> bytes:
    data = (MLPERF / f"{source}.tflite").read_bytes()
    return data if ending == ".tflite" else to_onnx(from_tflite(data, source))


def _bytes_of(way: Callable[[Dice, bytearray], None], dice: Dice, source: str, ending: str) -> bytes:
    data = bytearray(real(source, ending))
    way(dice, data)
    return bytes(data)


# Harm to the bytes of any file.


def cut_short(dice: Dice, data: bytearray) -> None:
    del data[dice.randrange(len(data)) :]


def cut_at_the_end(dice: Dice, data: bytearray) -> None:
    del data[-dice.randrange(1, 64) :]


def bytes_flipped(dice: Dice, data: bytearray) -> None:
    for _ in range(dice.randrange(1, 40)):
        data[dice.randrange(len(data))] ^= dice.randrange(1, 256)


def bytes_flipped_in_front(dice: Dice, data: bytearray) -> None:
    for _ in range(dice.randrange(1, 6)):
        data[dice.randrange(8, 1024)] ^= dice.randrange(1, 256)


def bytes_flipped_behind(dice: Dice, data: bytearray) -> None:
    for _ in range(dice.randrange(1, 6)):
        data[-dice.randrange(1, 8192)] ^= dice.randrange(1, 256)


def words_overwritten(dice: Dice, data: bytearray) -> None:
    """What an offset or a length is, is another one now."""
    for _ in range(dice.randrange(1, 4)):
        place = 4 * dice.randrange(2, len(data) // 4)
        data[place : place + 4] = dice.choice([0, 4, 2**31 - 1, 2**31, 2**32 - 1, len(data)]).to_bytes(4, "little")


def a_block_of_zeros(dice: Dice, data: bytearray) -> None:
    place, length = dice.randrange(8, len(data)), dice.randrange(16, 4096)
    data[place : place + length] = bytes(len(data[place : place + length]))


def a_block_moved(dice: Dice, data: bytearray) -> None:
    source, place, length = dice.randrange(len(data)), dice.randrange(8, len(data)), dice.randrange(4, 512)
    data[place:place] = data[source : source + length]


def written_twice(dice: Dice, data: bytearray) -> None:
    data.extend(bytes(data))


def bytes_of_something_else(dice: Dice, data: bytearray) -> None:
    data[8:] = dice.randbytes(dice.randrange(1, 9000))


BYTES = (
    cut_short, cut_at_the_end, bytes_flipped, bytes_flipped_in_front, bytes_flipped_behind, words_overwritten,
    a_block_of_zeros, a_block_moved, written_twice, bytes_of_something_else,
)  # fmt: skip


def _changed_onnx(way: Callable[[Dice, Any], None], dice: Dice, source: str, ending: str) -> bytes:
    model = onnx.load_model_from_string(real(source, ending))
    way(dice, model)
    return bytes(model.SerializeToString())


def _changed_tflite(way: Callable[[Dice, Any], None], dice: Dice, source: str, ending: str) -> bytes:
    return _changed_model(way, dice, real(source, ending))


def changed(way: Callable[..., None], dice: Dice, data: bytes) -> bytes:
    """A TFLite file harmed in this way, its bytes or what they say."""
    if way not in BYTES:
        return _changed_model(way, dice, data)
    copy = bytearray(data)
    way(dice, copy)
    return bytes(copy)


def _changed_model(way: Callable[[Dice, Any], None], dice: Dice, data: bytes) -> bytes:
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    for layer in model.subgraphs[0].operators:
        layer.inputs, layer.outputs = list(layer.inputs), list(layer.outputs)
    way(dice, model)
    return pack(model)
