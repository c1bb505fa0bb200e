"""Windows that slide over height and width: how many there are, what pads them, and their view of an array."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .operator import Padding

Pair = tuple[int, int]


def out_length(length: int, kernel: int, stride: int, dilation: int, padding: Padding) -> int:
    """Output positions along one axis, as TensorFlow defines SAME and VALID; ValueError when there are none."""
    if min(kernel, stride, dilation) < 1:
        raise ValueError(f"a window of {kernel} with stride {stride} and dilation {dilation}; all must be positive")
    reach = (kernel - 1) * dilation + 1
    positions = -(-length // stride) if padding == "SAME" else -(-(length - reach + 1) // stride)
    if positions < 1:
        raise ValueError(f"a window of {reach} does not fit into {length}")
    return positions


def same_padding(length: int, kernel: int, stride: int, dilation: int) -> Pair:
    """What TensorFlow's SAME puts before and after an axis; the odd one goes behind."""
    reach = (kernel - 1) * dilation + 1
    total = max((-(-length // stride) - 1) * stride + reach - length, 0)
    return total // 2, total - total // 2


def windows(
    x: NDArray[Any], kernel: Pair, stride: Pair, dilation: Pair, padding: Padding, fill: float = 0
) -> NDArray[Any]:
    """x (n,h,w,c) as (n,h',w',kh,kw,c): the taps under each output position; `fill` stands where there is no input."""
    if padding == "SAME":
        sides = [same_padding(x.shape[1 + k], kernel[k], stride[k], dilation[k]) for k in (0, 1)]
        x = np.pad(x, ((0, 0), *sides, (0, 0)), constant_values=fill)
    reach = tuple((kernel[k] - 1) * dilation[k] + 1 for k in (0, 1))
    view = sliding_window_view(x, reach, axis=(1, 2))
    view = view[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
    return view.transpose(0, 1, 2, 4, 5, 3)
