"""How far a layer's output has to begin before its input, so that writing stays behind reading in one memory.

For kernels that take positions in order, `at_once` of them, and read all that these need before they write any.
"""

import numpy as np

from .layer import Site

Pair = tuple[int, int]


def row_lead(rows: int, depth: int, outputs: int, at_once: int) -> int:
    """Bytes, for rows of `depth` bytes of which each becomes `outputs` bytes."""
    done = (rows - 1) // at_once * at_once  # rows, before those that are written last
    return max(0, outputs - depth) * done


def window_lead(site: Site, stride: Pair, padding: Pair, at_once: int) -> int:
    """Bytes, for a window that slides row by row over (1, height, width, channels) of bytes.

    `padding` is rows above and columns to the left of the input. What a position reads begins, within the input, at its
    window's first row and column there.
    """
    _, height, width, channels = site.inputs[0].shape
    _, outputs_height, outputs_width, outputs = site.output.shape
    rows = np.clip(np.arange(outputs_height) * stride[0] - padding[0], 0, height)
    columns = np.clip(np.arange(outputs_width) * stride[1] - padding[1], 0, width)
    begins = ((rows[:, None] * width + columns) * channels).reshape(-1)
    later = np.minimum.accumulate(begins[::-1])[::-1]  # what is read from this position on begins here
    done = np.arange(at_once, len(begins), at_once)
    return int((done * outputs - later[done]).max(initial=0))
