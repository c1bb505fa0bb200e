"""Where the elements of an ONNX tensor lie in the graph's tensor, whose channels stand last."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..operators.operator import Shape

Channels = Literal[
    "first", "last"
]  # where they stand in the ONNX tensor: (n,c,h,w) and (n,c,t), or (n,h,w,c) and (n,t,c)
_FROM_FIRST = {1: (0,), 2: (0, 1), 3: (0, 2, 1), 4: (0, 2, 3, 1)}  # rank -> ONNX axes in the graph's order


def graph_shape(shape: Shape, channels: Channels = "first") -> Shape:
    """(n,c,h,w) -> (n,h,w,c); (n,c,t) -> (n,1,t,c), an image of one row; other ranks stay."""
    turned = tuple(shape[axis] for axis in _order(len(shape), channels))
    return (turned[0], 1, *turned[1:]) if len(shape) == 3 else turned


def graph_axis(axis: int, rank: int, channels: Channels = "first") -> int:
    """The graph's axis for an ONNX axis of a tensor of this rank."""
    place = _order(rank, channels).index(axis % rank)
    return place + 1 if rank == 3 and place else place


def standard_order(shape: Shape, channels: Channels = "first") -> NDArray[np.int64]:
    """For every element of the graph's tensor, in memory order, its position in the flattened ONNX tensor."""
    positions = np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.int64).reshape(shape)
    return positions.transpose(_order(len(shape), channels)).ravel()


def _order(rank: int, channels: Channels) -> tuple[int, ...]:
    return _FROM_FIRST[rank] if channels == "first" and rank in _FROM_FIRST else tuple(range(rank))
