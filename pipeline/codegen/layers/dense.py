"""Dense layers."""

from typing import cast

import numpy as np

from ...graph.operators import FullyConnected
from ...graph.operators.dense import multiplier_of
from ..layer import Layer, Site
from ..requantization import requantization


def fully_connected(site: Site) -> Layer:
    """Rows of values against every row of the weights."""
    operator = cast(FullyConnected, site.operator)
    weights = np.asarray(site.inputs[1].data)
    outputs, terms = weights.shape
    rows = int(np.prod(site.output.shape)) // outputs
    made = requantization(site, multiplier_of(site.inputs, site.output), weights.sum(1, np.int64), operator.activation)
    per_channel = int(made.multiplier.size > 1)
    body = (
        f"    dense(x0, {rows}u, {terms}u, {outputs}u, x1, bias, multiplier, shift, {per_channel}u,\n"
        f"          {made.zero_point}, {made.least}, {made.greatest}, y);\n"
    )
    constants = {"bias": made.bias, "multiplier": made.multiplier, "shift": made.shift}
    return Layer(body, constants, ("fixed_point.h", "dense.h"))
