"""From what was seen of a tensor to the range that its integers shall cover; the range always holds 0."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .observers import Statistics

Range = tuple[float, float]
Method = Literal["mse", "min-max", "percentile"]
STEPS = 255  # between the least and the greatest of 256 integers
FRACTIONS = np.linspace(1.0, 0.3, 36)  # of an end of the range, from all of it down
UNSEEN = 0.1  # values to be expected beyond the greatest that was seen
BEYOND = (np.arange(64) + 0.5) / 8  # how far they lie from it: up to eight times their mean distance


@dataclass(frozen=True, eq=False)
class Density:
    """How often values near each of these are to be expected; `expected` sums to the number of values seen."""

    values: NDArray[np.float64]
    expected: NDArray[np.float64]


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
    """The range of least mean squared error to be expected between values like these and their nearest integers.

    Both ends are drawn in together, then each alone: a search on the histogram after Choukroun et al., "Low-bit
    Quantization of Neural Networks for Efficient Inference", 2019. It begins beyond what was seen, where a few samples
    have not shown how far values go: see `expected`.
    """
    density = expected(seen)
    low, high = min(float(density.values[0]), 0.0), max(float(density.values[-1]), 0.0)
    low, high = _best(density, [min_max(seen), *((low * f, high * f) for f in FRACTIONS)])
    low, high = _best(density, [(low * f, high) for f in FRACTIONS]) if low < 0 else (low, high)
    return _best(density, [(low, high * f) for f in FRACTIONS]) if high > 0 else (low, high)


def few_valued(seen: Statistics) -> bool:
    """Whether there are no more different values than integers, as in 8-bit samples: all of them can stay exact."""
    return int(np.count_nonzero(seen.counts)) <= STEPS + 1


def expected(seen: Statistics) -> Density:
    """The histogram and, beyond either end, a few values more, for a few samples do not show how far values go.

    They are spread exponentially, with the mean excess of the sqrt(n) outermost of the n values seen: an end where
    values pile up, as at a clamp, stays where it is, and among many values they weigh nothing. After the method of
    peaks over a threshold: Pickands, "Statistical Inference Using Extreme Order Statistics", 1975, with shape 0.
    """
    values, counts = _with_tail(seen.centres, seen.counts.astype(np.float64))
    values, counts = _with_tail(-values[::-1], counts[::-1])
    return Density(-values[::-1], counts[::-1])


def squared_error(density: Density, low: float, high: float) -> float:
    """The sum of squared differences between the values that are to be expected and their nearest integers."""
    scale = (high - low) / STEPS
    if scale <= 0:
        return float((density.expected * density.values**2).sum())
    zero = np.round(-low / scale)
    steps: NDArray[np.float64] = np.clip(np.round(density.values / scale) + zero, 0, STEPS) - zero
    return float((density.expected * (steps * scale - density.values) ** 2).sum())


def _with_tail(
    values: NDArray[np.float64], counts: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """With the values to be expected beyond the greatest, where that lies above 0."""
    above = np.cumsum(counts[::-1])[::-1]
    start = int(np.flatnonzero(above >= np.sqrt(above[0]))[-1])
    excess = float(np.average(values[start:], weights=counts[start:]) - values[start])
    if values[-1] <= 0 or excess <= 0:
        return values, counts
    share = np.exp(-BEYOND)
    return np.append(values, values[-1] + BEYOND * excess), np.append(counts, UNSEEN * share / share.sum())


def _best(density: Density, candidates: list[Range]) -> Range:
    """The first of the candidates with the least error."""
    return min(candidates, key=lambda ends: squared_error(density, *ends))


METHODS: Mapping[Method, Callable[[Statistics], Range]] = {"mse": mse, "min-max": min_max, "percentile": percentile}
