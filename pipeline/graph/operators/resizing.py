"""Images made larger or smaller: by the nearest value, or by the mean of the four around."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..fixed_point import round_half_away
from ..tensor import Tensor
from .operator import Arrays, Shape

Alignment = Literal["corner", "half-pixel", "corners"]  # which points of both images lie on each other
ONE = 1 << 10  # a distance of one pixel, in the integer kernel's fixed point


@dataclass(frozen=True)
class ResizeNearest:
    """x (n,h,w,c) -> (n,*size,c): the value that is nearest; input and output share scale and zero point."""

    size: tuple[int, int]
    alignment: Alignment = "corner"

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return _shape(self.size, inputs[0])

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        rows, columns = (nearest(inputs[0].shape[1 + k], self.size[k], self.alignment) for k in (0, 1))
        chosen: NDArray[Any] = inputs[0][:, rows[:, None], columns]
        return chosen

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        return self.compute(inputs)


@dataclass(frozen=True)
class ResizeBilinear:
    """x (n,h,w,c) -> (n,*size,c): interpolated along both axes; input and output share scale and zero point."""

    size: tuple[int, int]
    alignment: Alignment = "corner"

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        shape = _shape(self.size, inputs[0])
        for length, places in zip(inputs[0][1:3], self.fixed_places(inputs[0]), strict=True):
            if places.max() // ONE >= length:
                raise ValueError(f"a size of {self.size}, in which the kernel's rounded steps leave {inputs[0]}")
        return shape

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 4 * int(np.prod(outputs[0].shape))

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        x = inputs[0]
        for axis in (1, 2):
            x = _interpolated(x, positions(x.shape[axis], self.size[axis - 1], self.alignment), axis, 1)
        return x

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        x = inputs[0].astype(np.int64)
        for axis, places in zip((1, 2), self.fixed_places(x.shape), strict=True):
            x = _interpolated(x, places, axis, ONE)
        rounded = np.sign(x) * ((np.abs(x) + ONE * ONE // 2) // (ONE * ONE))
        found: NDArray[Any] = rounded.astype(np.int8)
        return found

    def misplaced(self, x: Shape) -> float:
        """By how many pixels, over both axes, the integer kernel's steps leave the places at most."""
        exact = (positions(x[1 + k], self.size[k], self.alignment) for k in (0, 1))
        return sum(
            float(np.abs(fixed / ONE - places).max()) for fixed, places in zip(self.fixed_places(x), exact, strict=True)
        )

    def fixed_places(self, x: Shape) -> list[NDArray[np.int64]]:
        """Where each output lies along height and width of the input, in steps of 1/1024 pixel."""
        return [_fixed_positions(x[1 + k], self.size[k], self.alignment) for k in (0, 1)]


def positions(length: int, size: int, alignment: Alignment) -> NDArray[np.float64]:
    """Where each of `size` outputs lies along `length` inputs; float32 as the kernels have it."""
    places = np.arange(size, dtype=np.float32)
    if alignment == "corners" and size > 1:
        return (places * np.float32((length - 1) / (size - 1))).astype(np.float64)
    step = np.float32(length / size)
    if alignment == "half-pixel":
        return ((places + np.float32(0.5)) * step - np.float32(0.5)).astype(np.float64)
    return (places * step).astype(np.float64)


def nearest(length: int, size: int, alignment: Alignment) -> NDArray[np.int64]:
    """Which of `length` inputs each of `size` outputs is."""
    places = np.arange(size, dtype=np.float32)
    if alignment == "corners":
        found = round_half_away(positions(length, size, alignment))
    elif alignment == "half-pixel":
        found = np.floor((places + np.float32(0.5)) * np.float32(length / size)).astype(np.float64)
    else:
        found = np.floor(positions(length, size, alignment))
    return np.minimum(found, length - 1).astype(np.int64)


def _fixed_positions(length: int, size: int, alignment: Alignment) -> NDArray[np.int64]:
    inputs, outputs = (length - 1, size - 1) if alignment == "corners" and size > 1 else (length, size)
    step = (ONE * inputs + outputs // 2) // outputs
    shift = step // 2 - ONE // 2 if alignment == "half-pixel" else 0
    return np.arange(size) * step + shift


def neighbours(
    places: NDArray[Any], length: int, one: int = ONE
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
    """The two of `length` inputs between which each place lies, and how far from the lower; in steps of 1 / one."""
    low = np.maximum(np.floor_divide(places, one), 0).astype(np.int64)
    high = np.minimum(-np.floor_divide(-places, one), length - 1).astype(np.int64)
    return low, high, places - one * low


def _interpolated(x: NDArray[Any], places: NDArray[Any], axis: int, one: int) -> NDArray[Any]:
    """Values between neighbours along an axis, times `one`; places count in steps of 1 / one."""
    low, high, distance = neighbours(places, x.shape[axis], one)
    along = [-1 if axis == k else 1 for k in range(4)]
    far = distance.astype(x.dtype).reshape(along)
    between: NDArray[Any] = np.take(x, low, axis) * (one - far) + np.take(x, high, axis) * far
    return between


def _shape(size: tuple[int, int], x: Shape) -> Shape:
    if len(x) != 4 or min(size) < 1:
        raise ValueError(f"a resize of {x} to {size}")
    return (x[0], *size, x[3])
