"""One model against another on the same test samples: the difference, with an interval for other samples like these."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from statistics import covariance, fmean

from ...pipeline.task import ACCURACY, Metric
from ..stats import Z_975, Interval, paired_difference
from .variant import Judged


def over_samples(metric: Metric, own: Judged, base: Judged) -> Interval | None:
    """`own - base` in the metric's unit, 95 %; None unless both judge the same samples, and more than one."""
    if len(own.values) != len(base.values) or len(own.values) < 2 or own.anomalous != base.anomalous:
        return None
    if own.anomalous is not None:
        return areas(own.values, base.values, own.anomalous)
    if metric == ACCURACY:
        return proportions(own.values, base.values)
    return paired_difference(own.values, base.values)


def proportions(own: Sequence[float], base: Sequence[float]) -> Interval:
    """Points of per cent between two shares of ones, pair by pair.

    Wald's interval with half a sample added to each of the four outcomes, so that it is honest also where few samples
    differ (Agresti, Min 2005, Simple improved confidence intervals for comparing matched proportions).
    """
    n = len(own)
    won = sum(one > other for one, other in zip(own, base, strict=True))
    lost = sum(one < other for one, other in zip(own, base, strict=True))
    more, wins, losses = n + 2.0, won + 0.5, lost + 0.5
    middle = (wins - losses) / more
    reach = Z_975 * math.sqrt(wins + losses - (wins - losses) ** 2 / more) / more
    return Interval(100 * (won - lost) / n, 100 * (middle - reach), 100 * (middle + reach))


def areas(own: Sequence[float], base: Sequence[float], positive: Sequence[int]) -> Interval | None:
    """Points between two areas under the ROC curve of the same samples; None unless there are two of either kind.

    The interval of DeLong, DeLong, Clarke-Pearson 1988 (Comparing the areas under two or more correlated receiver
    operating characteristic curves).
    """
    if min(sum(positive), len(positive) - sum(positive)) < 2:
        return None
    hits, misses = zip(_placements(own, positive), _placements(base, positive), strict=True)
    difference = fmean(hits[0]) - fmean(hits[1])
    reach = Z_975 * math.sqrt(max(sum(_variance_of_difference(*pair) / len(pair[0]) for pair in (hits, misses)), 0.0))
    return Interval(100 * difference, 100 * (difference - reach), 100 * (difference + reach))


def _placements(scores: Sequence[float], positive: Sequence[int]) -> tuple[list[float], list[float]]:
    """The share of negatives that each positive beats; and of positives that beat each negative; ties are halves."""
    hits = sorted(score for score, yes in zip(scores, positive, strict=True) if yes)
    misses = sorted(score for score, yes in zip(scores, positive, strict=True) if not yes)
    pairs = list(zip(scores, positive, strict=True))
    beats = [_below(misses, score) for score, yes in pairs if yes]
    beaten = [1 - _below(hits, score) for score, yes in pairs if not yes]
    return beats, beaten


def _below(ordered: Sequence[float], value: float) -> float:
    return (bisect_left(ordered, value) + bisect_right(ordered, value)) / (2 * len(ordered))


def _variance_of_difference(one: Sequence[float], other: Sequence[float]) -> float:
    return covariance(one, one) + covariance(other, other) - 2 * covariance(one, other)
