"""Watches the values of one tensor as they stream by: least, greatest, and a histogram of bounded memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import frexp
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_EXPONENT = -100  # magnitudes below 2**-100 count as 0
CACHED = 2**16  # values that are counted at a time
BINS_A_SIDE = 4096  # at least half of them hold the greatest magnitude's side: eight or more bins an INT8 step


@dataclass(frozen=True, eq=False)
class Statistics:
    """What was seen of one tensor.

    Bin i of `counts` holds the values in [(first + i) * width, (first + i + 1) * width); width is a power of two, so
    histograms of different widths join exactly. 0 is always the edge of a bin.
    """

    low: float
    high: float
    count: int
    width: float
    first: int
    counts: NDArray[np.int64]

    @property
    def centres(self) -> NDArray[np.float64]:
        """The middle of every bin, kept inside what was seen."""
        middles = (np.arange(len(self.counts)) + self.first + 0.5) * self.width
        return np.clip(middles, self.low, self.high)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Statistics):
            return False
        mine, theirs = (
            (seen.low, seen.high, seen.count, seen.width, seen.first, seen.counts.tolist()) for seen in (self, other)
        )
        return mine == theirs


class Observer:
    """Takes arrays one after another; what it says does not depend on how the values were cut into arrays."""

    def __init__(self) -> None:
        self._low, self._high, self._count = np.inf, -np.inf, 0
        self._exponent = LEAST_EXPONENT  # of the greatest magnitude, rounded up to a power of two
        self._counts = np.zeros(2 * BINS_A_SIDE, np.int64)

    def observe(self, values: NDArray[Any]) -> None:
        """Adds the values; ValueError when one of them is not finite."""
        if not values.size:
            return
        low, high = float(values.min()), float(values.max())
        if not np.isfinite(low) or not np.isfinite(high):
            raise ValueError("holds values that are not finite")
        if low or high:  # the exponent of 0 says nothing
            self._widen(frexp(max(-low, high))[1])
        flat = values.ravel()
        for start in range(0, flat.size, CACHED):
            self._counts += np.bincount(self._bins(flat[start : start + CACHED]), minlength=2 * BINS_A_SIDE)
        self._low, self._high = min(self._low, low), max(self._high, high)
        self._count += values.size

    def statistics(self) -> Statistics:
        """What was seen so far; ValueError when that is nothing."""
        if not self._count:
            raise ValueError("saw no values")
        filled = np.flatnonzero(self._counts)
        first, last = int(filled[0]), int(filled[-1])
        counts = self._counts[first : last + 1].copy()
        return Statistics(self._low, self._high, self._count, self._width, first - BINS_A_SIDE, counts)

    def _bins(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Each value's place in the counts; exact also in float32, where the width, a power of two, is not above 1."""
        exact = np.float32 if values.dtype == np.float32 and self._width <= 1 else np.float64
        places: NDArray[Any] = np.floor(np.multiply(values, 1 / self._width, dtype=exact))
        places += BINS_A_SIDE
        return places.astype(np.int64)

    @property
    def _width(self) -> float:
        return float(2.0**self._exponent / BINS_A_SIDE)

    def _widen(self, exponent: int) -> None:
        """Makes room for magnitudes below 2**exponent: bins merge in pairs as often as it takes."""
        if exponent > self._exponent:
            bins = np.arange(-BINS_A_SIDE, BINS_A_SIDE) >> min(exponent - self._exponent, 62)
            merged = np.zeros_like(self._counts)
            np.add.at(merged, bins + BINS_A_SIDE, self._counts)
            self._counts, self._exponent = merged, exponent


def joint(seen: Sequence[Statistics]) -> Statistics:
    """The statistics of all the values of several tensors."""
    width = max(one.width for one in seen)
    bins = [(np.arange(len(one.counts)) + one.first) * one.width // width for one in seen]
    first = int(min(part.min() for part in bins))
    counts = np.zeros(int(max(part.max() for part in bins)) - first + 1, np.int64)
    for one, part in zip(seen, bins, strict=True):
        np.add.at(counts, part.astype(np.int64) - first, one.counts)
    low, high = min(one.low for one in seen), max(one.high for one in seen)
    return Statistics(low, high, sum(one.count for one in seen), width, first, counts)
