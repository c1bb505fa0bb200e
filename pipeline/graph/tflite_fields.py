"""How an attribute of ours stands in a TFLite file: in one option, in two, or in a constant tensor."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from .operators import Operator
from .tensor import Tensor

ACTIVATIONS = {"none": "NONE", "relu": "RELU", "relu6": "RELU6"}
PADDINGS = {"SAME": "SAME", "VALID": "VALID"}
MIRRORS = {"reflect": "REFLECT", "symmetric": "SYMMETRIC"}


@dataclass(frozen=True)
class Field:
    """An attribute of ours and the option that holds it, or the two options that hold a pair (height, width)."""

    attribute: str
    options: tuple[str, ...]
    enumeration: str = ""  # the schema's name for its values, when they are named
    names: Mapping[str, str] | None = None  # our name -> the schema's

    def write(self, operator: Operator, options: Any) -> None:
        value = getattr(operator, self.attribute)
        if self.names is not None:
            value = getattr(getattr(schema, self.enumeration), self.names[value])
        for name, part in zip(self.options, value if len(self.options) > 1 else [value], strict=True):
            setattr(options, name, part)

    def read(self, options: Any) -> Any:
        """The attribute's value; ValueError when the file names one that we do not carry."""
        values = tuple(getattr(options, name) for name in self.options)
        if self.names is not None:
            return self._named(values[0])
        return values if len(values) > 1 else values[0]

    def _named(self, number: int) -> str:
        theirs = enumeration_name(self.enumeration, number)
        ours = {there: here for here, there in (self.names or {}).items()}
        if theirs not in ours:
            raise ValueError(f"{self.options[0]} {theirs} is not carried; there are {', '.join(ours)}")
        return ours[theirs]


@dataclass(frozen=True)
class Operand:
    """An attribute of ours that the file keeps as a constant int32 tensor, behind the operator's inputs."""

    attribute: str
    decode: Callable[[Any, Tensor, Tensor], Any]  # the operand's data, input and output -> the attribute
    stored: Callable[[Any, Tensor], Any] = lambda value, output: value  # the attribute and output -> what is kept

    def encode(self, operator: Operator, output: Tensor) -> NDArray[np.int32]:
        return np.array(self.stored(getattr(operator, self.attribute), output), np.int32)


@dataclass(frozen=True)
class Alignment:
    """How two images of a resize lie on each other, in two options of which one at most is set."""

    attribute: str = "alignment"

    def write(self, operator: Operator, options: Any) -> None:
        value = getattr(operator, self.attribute)
        options.alignCorners, options.halfPixelCenters = value == "corners", value == "half-pixel"

    def read(self, options: Any) -> str:
        if options.alignCorners and options.halfPixelCenters:
            raise ValueError("aligned corners and half pixel centers at once are not carried; set one of them")
        return "corners" if options.alignCorners else "half-pixel" if options.halfPixelCenters else "corner"


def axes(operand: NDArray[Any], x: Tensor, _: Tensor) -> tuple[int, ...]:
    return tuple(axis_from_front(int(axis), x) for axis in operand.reshape(-1))


def pairs(operand: NDArray[Any], *_: Tensor) -> tuple[tuple[int, int], ...]:
    return tuple((int(before), int(after)) for before, after in operand)


def numbers(operand: NDArray[Any], *_: Tensor) -> tuple[int, ...]:
    return tuple(int(number) for number in operand.reshape(-1))


def from_the_front(attributes: dict[str, Any], _: Any, x: Tensor) -> dict[str, Any]:
    """An axis that counts from the last one, as one that counts from the first."""
    return {**attributes, "axis": axis_from_front(attributes["axis"], x)}


def axis_from_front(axis: int, x: Tensor) -> int:
    """An axis that may count from the last one, counted from the first; ValueError when x has none such."""
    rank = len(x.shape)
    if not -rank <= axis < rank:
        raise ValueError(f"axis {axis} of a tensor of {rank} axes")
    return axis % rank


def cut(attributes: dict[str, Any], options: Any, x: Tensor) -> dict[str, Any]:
    """Begin and end inside the input: masks, negative numbers and ends beyond the last value say the same otherwise."""
    spans = [slice(*span).indices(n) for span, n in zip(_spans(attributes, options), x.shape, strict=True)]
    return {name: tuple(span[place] for span in spans) for place, name in enumerate(("begin", "end", "strides"))}


def _spans(attributes: dict[str, Any], options: Any) -> Iterator[tuple[int | None, int | None, int]]:
    masks = getattr(options, "beginMask", 0), getattr(options, "endMask", 0)
    spans = zip(attributes["begin"], attributes["end"], attributes["strides"], strict=True)
    for axis, (begin, end, stride) in enumerate(spans):
        first, last = (bool(mask >> axis & 1) for mask in masks)
        yield None if first else begin, None if last else end, stride


def enumeration_name(enumeration: str, number: int) -> str:
    """The schema's name of a value; the number itself when the schema here is older than the file."""
    names = {value: name for name, value in vars(getattr(schema, enumeration)).items() if not name.startswith("_")}
    return str(names.get(number, number))
