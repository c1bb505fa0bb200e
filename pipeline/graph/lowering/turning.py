"""Which transposition, if any, brings the elements of a tensor into another order."""

import numpy as np
from numpy.typing import NDArray

from ..operators.operator import Shape

Loops = list[tuple[int, int]]  # (length, stride) of an axis, the innermost first


def transposition(places: NDArray[np.int64]) -> tuple[Shape, tuple[int, ...]] | None:
    """For y[i] = x[places[i]]: the shape to see x in and the order of its axes that give y, or None if none do.

    Axes that stay side by side are one axis of the shape.
    """
    loops = _loops(places)
    if loops is None or not _tile(loops):
        return None
    of_y = list(reversed(loops))
    of_x = sorted(of_y, key=lambda loop: -loop[1])
    return tuple(length for length, _ in of_x), tuple(of_x.index(loop) for loop in of_y)


def on_own_axes(shape: Shape, lengths: Shape, order: tuple[int, ...], target: Shape) -> tuple[int, ...] | None:
    """The order of the axes of a tensor of `shape` that gives `target`, where `lengths` are its axes; None where not.

    Axes of length 1 take any place.
    """
    places = [axis for axis, length in enumerate(shape) if length != 1]
    if tuple(shape[axis] for axis in places) != lengths or len(shape) != len(target) or shape[0] != 1:
        return None
    moved = iter([places[axis] for axis in order])
    ones = iter([axis for axis, length in enumerate(shape) if length == 1])
    found = tuple(next(ones, -1) if length == 1 else next(moved, -1) for length in target)
    return found if tuple(shape[axis] for axis in found) == target and found[0] == 0 else None


def _loops(places: NDArray[np.int64]) -> Loops | None:
    """The nested counts by which the places go up, or None when they go otherwise."""
    loops: Loops = []
    while places.size > 1:
        steps = np.diff(places)
        breaks = np.flatnonzero(steps != steps[0])
        length = int(breaks[0]) + 1 if breaks.size else places.size
        if places.size % length:
            return None
        rows = places.reshape(-1, length)
        if not np.array_equal(rows, rows[:, :1] + np.arange(length) * steps[0]):
            return None
        loops.append((length, int(steps[0])))
        places = rows[:, 0]
    return loops


def _tile(loops: Loops) -> bool:
    """Whether the strides are those of the axes of one tensor."""
    expected = 1
    for length, stride in sorted(loops, key=lambda loop: loop[1]):
        if stride != expected:
            return False
        expected *= length
    return True
