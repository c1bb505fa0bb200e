"""Images made larger or smaller by the mean of the four pixels around."""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...graph.operators import ResizeBilinear
from ...graph.operators.resizing import neighbours
from ..layer import Layer, Site


def resize_bilinear(site: Site) -> Layer:
    """Tables tell, for each row and each column, its two neighbours and how far it lies from the first."""
    operator = cast(ResizeBilinear, site.operator)
    _, _, width, channels = site.inputs[0].shape
    places = operator.fixed_places(site.inputs[0].shape)
    rows, columns = operator.size
    constants = {
        **_tables("row", places[0], site.inputs[0].shape[1], width * channels),
        **_tables("column", places[1], width, channels),
    }
    body = (
        f"    resize_bilinear(x0, row_low, row_high, row_far, {rows}u,\n"
        f"                    column_low, column_high, column_far, {columns}u, {channels}u, y);\n"
    )
    return Layer(body, constants, ("fixed_point.h", "resize_bilinear.h"))


def _tables(name: str, places: NDArray[np.int64], length: int, step: int) -> dict[str, NDArray[Any]]:
    low, high, far = neighbours(places, length)
    far = np.where(low == high, 0, far)  # both neighbours are one
    return {
        f"{name}_low": (low * step).astype(np.int32),
        f"{name}_high": (high * step).astype(np.int32),
        f"{name}_far": far.astype(np.int16),
    }
