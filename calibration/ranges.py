"""From what was seen of a tensor to the range that its integers shall cover; the range always holds 0."""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .observers import Statistics

Range = tuple[float, float]
Method = Literal["mse", "min-max", "percentile"]
STEPS = 255  # between the least and the greatest of 256 integers
FRACTIONS = np.linspace(1.0, 0.3, 36)  # of an end of the range, from all of it down


def min_max(seen: Statistics) -> Range:
    """Everything that was seen."""
    return min(seen.low, 0.0), max(seen.high, 0.0)


def percentile(seen: Statistics, share: float = 0.9999) -> Range:
    """All but the outermost values: `share` of them stay, and as many are cut from either end."""
    below = np.cumsum(seen.counts) / seen.count
    cut = (1.0 - share) / 2
    low = seen.centres[int(np.searchsorted(below, cut, side="right"))]
    high = seen.centres[min(int(np.searchsorted(below, 1.0 - cut)), len(below) - 1)]
    return min(float(low), 0.0), max(float(high), 0.0)


def mse(seen: Statistics) -> Range:
    """The range of least mean squared error between the values and their nearest integers.

    Both ends are drawn in together, then each alone: a search on the histogram after Choukroun et al., "Low-bit
    Quantization of Neural Networks for Efficient Inference", 2019.
    """
    low, high = min_max(seen)
    fraction = _best(seen, [(low * f, high * f) for f in FRACTIONS])
    low, high = fraction
    low, high = _best(seen, [(low * f, high) for f in FRACTIONS]) if low < 0 else (low, high)
    return _best(seen, [(low, high * f) for f in FRACTIONS]) if high > 0 else (low, high)


def squared_error(seen: Statistics, low: float, high: float) -> float:
    """The sum of squared differences between the values, taken at their bins' centres, and their nearest integers."""
    scale = (high - low) / STEPS
    if scale <= 0:
        return float((seen.counts * seen.centres**2).sum())
    zero = np.round(-low / scale)
    steps: NDArray[np.float64] = np.clip(np.round(seen.centres / scale) + zero, 0, STEPS) - zero
    return float((seen.counts * (steps * scale - seen.centres) ** 2).sum())


def _best(seen: Statistics, candidates: list[Range]) -> Range:
    """The first of the candidates with the least error."""
    return min(candidates, key=lambda ends: squared_error(seen, *ends))


METHODS: Mapping[Method, Callable[[Statistics], Range]] = {"mse": mse, "min-max": min_max, "percentile": percentile}
