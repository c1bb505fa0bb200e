"""Dense layers: rows of weights against a row of activations, or tiles of a matrix product, or the plain way."""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...graph.operators import FullyConnected
from ...graph.operators.requantization import channel_multiplier
from ..layer import Layer, Site
from ..packing import Ending, ending, packed_in_fours
from ..preference import CodeOptions
from ..requantization import Requantization, requantization
from .convolution import WORD, products, tile_ending


def fully_connected(site: Site) -> Layer:
    """Rows of values against every row of the weights."""
    operator = cast(FullyConnected, site.operator)
    weights = np.asarray(site.inputs[1].data)
    outputs, terms = weights.shape
    rows = int(np.prod(site.output.shape)) // outputs
    made = requantization(
        site, channel_multiplier(site.inputs, site.output), weights.sum(1, np.int64), operator.activation
    )
    if rows == 1:
        end = ending(made, weights)
        return _any(made, rows, terms, outputs) if end is None else _row(weights, made, end, site.options)
    end = tile_ending(made, weights, site.options)
    if end is None or outputs == 1 or terms == 1:
        return _any(made, rows, terms, outputs)
    return products(site, rows, weights, made, end)


def _row(weights: NDArray[Any], made: Requantization, end: Ending, options: CodeOptions) -> Layer:
    outputs, terms = weights.shape
    same = end.same()
    fours, words = packed_in_fours(weights, end, options, each=not same)
    numbers = (int(end.multiplier[0]), int(end.constant[0]), int(end.shift[0])) if same else (0, 0, 0)
    body = (
        f"    const struct dense dense = {{packed, y, {', '.join(map(str, numbers))}, 0, 0, 0, 0,\n"
        f"                                {made.least}, {made.greatest}}};\n"
        f"    dense_all(x0, {terms}u, {outputs}u, {words}u, dense, {'(int8_t *)scratch' if terms % WORD else 0},\n"
        f"              dense_{end.finish}_{'one' if same else 'each'});\n"
    )
    scratch = -(-terms // WORD) * WORD if terms % WORD else 0
    return Layer(body, {"packed": fours}, ("instructions.h", "dense_rows.h"), scratch)


def _any(made: Requantization, rows: int, terms: int, outputs: int) -> Layer:
    per_channel = int(made.multiplier.size > 1)
    body = (
        f"    dense(x0, {rows}u, {terms}u, {outputs}u, x1, bias, multiplier, shift, {per_channel}u,\n"
        f"          {made.zero_point}, {made.least}, {made.greatest}, y);\n"
    )
    constants = {"bias": made.bias, "multiplier": made.multiplier, "shift": made.shift}
    return Layer(body, constants, ("fixed_point.h", "instructions.h", "dot.h", "dense.h"))
