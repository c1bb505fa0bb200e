"""Where the elements of an ONNX tensor lie in the graph's tensor, whose channels stand last."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..operators.operator import Shape

# Where the channels stand in the ONNX tensor: (n,c,h,w) and (n,c,t), or (n,h,w,c) and (n,t,c).
Channels = Literal["first", "last"]
_FROM_FIRST = {1: (0,), 2: (0, 1), 3: (0, 2, 1), 4: (0, 2, 3, 1)}  # rank -> ONNX axes in the graph's order


def graph_shape(shape: Shape, channels: Channels = "first") -> Shape:
    """(n,c,h,w) -> (n,h,w,c); (n,c,t) -> (n,1,t,c), an image of one row; other ranks stay.

    A tensor whose first axis is no batch, as attention has, gets one before it, and leaves out its axes of length 1.
    """
    if not _has_batch(shape):
        lengths = tuple(length for length in shape if length != 1)
        return (*(1,) * max(4 - len(lengths), 1), *lengths)
    turned = tuple(shape[axis] for axis in _order(len(shape), channels))
    return (turned[0], 1, *turned[1:]) if len(shape) == 3 else turned


def graph_axis(axis: int, shape: Shape, channels: Channels = "first") -> int:
    """The graph's axis for an axis of an ONNX tensor of this shape."""
    rank = len(shape)
    if not _has_batch(shape):
        return len(graph_shape(shape)) - sum(length != 1 for length in shape[axis % rank :])
    place = _order(rank, channels).index(axis % rank)
    return place + 1 if rank == 3 and place else place


def standard_order(shape: Shape, channels: Channels = "first") -> NDArray[np.int64]:
    """For every element of the graph's tensor, in memory order, its position in the flattened ONNX tensor."""
    positions = np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.int64).reshape(shape)
    return positions.transpose(_order(len(shape), channels) if _has_batch(shape) else range(len(shape))).ravel()


def _has_batch(shape: Shape) -> bool:
    """Whether the first axis is the batch; tensors of one axis have none either, but stay what they are."""
    return len(shape) < 2 or shape[0] == 1


def _order(rank: int, channels: Channels) -> tuple[int, ...]:
    return _FROM_FIRST[rank] if channels == "first" and rank in _FROM_FIRST else tuple(range(rank))
