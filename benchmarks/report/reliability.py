"""How far a model's confidence can be believed: bins of confidence, and how often each of them was right."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15  # of equal width, as Guo et al. 2017 have them
DIGITS = 6  # that count of a value that is kept


@dataclass(frozen=True)
class Reliability:
    """Test samples by the probability of the label they were given, in 15 bins of equal width from 0 to 1: how many
    there are (`counts`), the mean of that probability (`confidence`), and how many were `right`."""

    counts: tuple[int, ...]
    confidence: tuple[float, ...]
    right: tuple[int, ...]

    @property
    def error(self) -> float:
        """The expected calibration error, 0 to 1: how far confidence and share of right answers lie apart, the mean
        over the samples (Guo, Pleiss, Sun, Weinberger 2017, On Calibration of Modern Neural Networks, equation 3)."""
        bins = zip(self.counts, self.confidence, self.right, strict=True)
        return sum(abs(right - count * confidence) for count, confidence, right in bins) / sum(self.counts)

    @property
    def surer(self) -> float:
        """Mean confidence minus share of right answers: above 0 the model is surer than it should be."""
        felt = sum(count * confidence for count, confidence in zip(self.counts, self.confidence, strict=True))
        return (felt - sum(self.right)) / sum(self.counts)


def reliability(logits: NDArray[np.float32], targets: NDArray[Any]) -> Reliability:
    """Of logits (n,labels) against the true labels (n,)."""
    probable = np.exp(log_softmax(logits))
    sure, right = probable.max(axis=1), logits.argmax(axis=1) == np.asarray(targets)
    place = np.clip(np.ceil(sure * BINS).astype(int) - 1, 0, BINS - 1)
    counts = np.bincount(place, minlength=BINS)
    means = np.bincount(place, weights=sure, minlength=BINS) / np.maximum(counts, 1)
    return Reliability(
        tuple(counts.tolist()),
        tuple(float(f"{mean:.{DIGITS}g}") for mean in means),
        tuple(np.bincount(place[right], minlength=BINS).tolist()),
    )


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """The logarithms of the probabilities (n,labels)."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    found: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return found
