"""Where the elements of an ONNX tensor, channels first, lie in the graph's tensor, channels last."""

import numpy as np
from numpy.typing import NDArray

from ..operators.operator import Shape

_CHANNELS_LAST = {1: (0,), 2: (0, 1), 3: (0, 2, 1), 4: (0, 2, 3, 1)}  # rank -> ONNX axes in the graph's order


def graph_shape(shape: Shape) -> Shape:
    """(n,c,h,w) -> (n,h,w,c); (n,c,t) -> (n,1,t,c), an image of one row; other ranks stay."""
    if len(shape) == 3:
        n, c, t = shape
        return (n, 1, t, c)
    return tuple(shape[axis] for axis in _CHANNELS_LAST.get(len(shape), range(len(shape))))


def graph_axis(axis: int, rank: int) -> int:
    """The graph's axis for an ONNX axis of a tensor of this rank."""
    axis %= rank
    return {3: (0, 3, 2), 4: (0, 3, 1, 2)}.get(rank, tuple(range(rank)))[axis]


def standard_order(shape: Shape) -> NDArray[np.int64]:
    """For every element of the graph's tensor, in memory order, its position in the flattened ONNX tensor."""
    positions = np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.int64).reshape(shape)
    return positions.transpose(_CHANNELS_LAST.get(len(shape), tuple(range(len(shape))))).ravel()
