"""From a weighted layer's integers to the constants that its kernel ends every sum with."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph.fixed_point import Multiplier
from ..graph.operators.activation import activation_range
from ..graph.operators.operator import Activation, quantization
from .layer import Site

Int32s = NDArray[np.int32]


@dataclass(frozen=True)
class Requantization:
    """What turns the sums of raw products into outputs: one value a channel, or one for all where a multiplier is one.

    `bias` has the input's zero point folded in, so that no kernel subtracts it: bias - zero point * sum of weights.
    """

    bias: Int32s
    multiplier: Int32s
    shift: Int32s
    zero_point: int
    least: int
    greatest: int


def requantization(site: Site, multiplier: Multiplier, sums: NDArray[Any], activation: Activation) -> Requantization:
    """`sums` are those of each output channel's weights, int64 (channels,)."""
    least, greatest = activation_range(activation, site.output)
    return Requantization(
        _folded_bias(site, sums),
        np.atleast_1d(multiplier.significand).astype(np.int32),
        np.atleast_1d(multiplier.exponent).astype(np.int32),
        quantization(site.output).zero_point,
        least,
        greatest,
    )


def _folded_bias(site: Site, sums: NDArray[Any]) -> Int32s:
    """In 32 bits; `refusals` has seen to it that nothing overflows."""
    given = site.inputs[2].data if len(site.inputs) > 2 else None
    bias = np.zeros_like(sums) if given is None else given.astype(np.int64)
    return np.asarray(bias - quantization(site.inputs[0]).zero_point * sums, np.int64).astype(np.int32)
