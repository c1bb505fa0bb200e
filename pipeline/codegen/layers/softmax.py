"""Softmax over rows, in gemmlowp's fixed point."""

from math import prod
from typing import cast

import numpy as np

from ...graph.operators import Softmax
from ...graph.operators.operator import quantization
from ...graph.operators.softmax import exponential_table
from ..layer import Layer, Site


def softmax(site: Site) -> Layer:
    """A table holds the exponential of each difference that two int8 values can have."""
    depth = site.output.shape[-1]
    beta = cast(Softmax, site.operator).beta
    exponentials, counts = exponential_table(beta, quantization(site.inputs[0]).per_tensor_scale)
    table = np.where(counts, exponentials, 0).astype(np.int32)
    body = f"    softmax(x0, {prod(site.output.shape) // depth}u, {depth}u, exponentials, y);\n"
    return Layer(body, {"exponentials": table}, ("fixed_point.h", "softmax.h"), in_place=(0,))
