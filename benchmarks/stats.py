"""Statistics of raw samples: pure functions, each with the definition it stands on."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

ALIKE = 3  # pairs that differ all alike, from which on that is no chance
P99_NEEDS = 1000  # samples: with fewer, less than ten of them decide a 99th percentile
Z_975 = 1.959964
T_975 = (  # Student's t, 0.975 quantile, for 1, 2, ... 30 degrees of freedom
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)


@dataclass(frozen=True)
class Latency:
    """Microseconds. p50 is the headline, p90 stands beside it, the mean is never quoted alone: one outlier moves it.

    `p50_low` and `p50_high` enclose the median with 95 % confidence; `mad` is the median absolute deviation from it.
    """

    n: int
    first: float | None
    min: float
    p50: float
    p90: float
    p99: float | None
    mean: float
    mad: float
    p50_low: float
    p50_high: float


@dataclass(frozen=True)
class Spread:
    """Mean and sample deviation (n - 1) over seeds; no deviation of a single value."""

    n: int
    mean: float
    deviation: float | None


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % confidence interval; both ends are None where the samples can give none.

    `alike` says that this is so because three pairs or more differ all by the estimate itself. That is no chance: what
    is counted in steps hides at most a deviation of a step / sqrt(12), that of rounding, so that Student's interval of
    three pairs reaches 0.72 of a step, and a difference that is not 0 is a step or more.
    """

    estimate: float
    low: float | None
    high: float | None
    alike: bool = False

    def excludes(self, value: float) -> bool:
        """Whether the interval is there and does not hold this value, or all pairs agree on another."""
        if self.low is None or self.high is None:
            return self.alike and not math.isclose(self.estimate, value, abs_tol=1e-9)
        return not self.low <= value <= self.high


def latency(samples: Sequence[float], first: float | None = None) -> Latency:
    """The statistics of at least one call, to the nanosecond."""
    ordered = sorted(samples)
    middle = percentile(ordered, 50)
    low, high = median_interval(ordered)
    return Latency(
        n=len(ordered),
        first=first,
        min=ordered[0],
        p50=round(middle, 3),
        p90=round(percentile(ordered, 90), 3),
        p99=round(percentile(ordered, 99), 3) if len(ordered) >= P99_NEEDS else None,
        mean=round(statistics.fmean(ordered), 3),
        mad=round(statistics.median(abs(value - middle) for value in ordered), 3),
        p50_low=low,
        p50_high=high,
    )


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Of sorted values, by linear interpolation between the closest ranks (Hyndman and Fan 1996, type 7)."""
    rank = (len(ordered) - 1) * percent / 100
    below = math.floor(rank)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (rank - below)


def median_interval(ordered: Sequence[float]) -> tuple[float, float]:
    """95 % confidence interval of the median from ranks alone (binomial, normal approximation): no shape is assumed.

    It takes the samples as independent, so it is narrow where the machine drifts: rounds that disagree say so.
    """
    n = len(ordered)
    reach = Z_975 * math.sqrt(n) / 2
    low, high = math.floor((n - 1) / 2 - reach), math.ceil((n - 1) / 2 + reach)
    return ordered[max(0, low)], ordered[min(n - 1, high)]


def spread(values: Sequence[float]) -> Spread:
    """Mean and deviation of at least one value."""
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return Spread(len(values), statistics.fmean(values), deviation)


def paired_difference(values: Sequence[float], baseline: Sequence[float]) -> Interval:
    """Mean of `values - baseline`, pair by pair, with Student's t interval; the pairs are equal seeds or rounds.

    Differences that are all the same say nothing of their spread: then there is no interval, but of three or more it is
    told that they are alike.
    """
    found = _mean_interval([value - base for value, base in zip(values, baseline, strict=True)])
    differ = found.low is None or found.high is None or not math.isclose(found.low, found.high, abs_tol=1e-9)
    return found if differ else Interval(found.estimate, None, None, alike=len(values) >= ALIKE)


def speed_ratio(rounds: Sequence[Sequence[float]], baseline: Sequence[Sequence[float]]) -> Interval:
    """How many times faster than the baseline: the geometric mean, over the rounds that both shared, of the ratio of
    the medians. Above 1 is faster. Rounds pair because in each of them the files took turns."""
    pairs = [
        math.log(statistics.median(base) / statistics.median(own))
        for own, base in zip(rounds, baseline, strict=False)
        if own and base
    ]
    logs = _mean_interval(pairs)
    low = None if logs.low is None else math.exp(logs.low)
    high = None if logs.high is None else math.exp(logs.high)
    return Interval(math.exp(logs.estimate), low, high)


def ratio_of_separate(rounds: Sequence[Sequence[float]], baseline: Sequence[Sequence[float]]) -> Interval:
    """How many times faster than a baseline that was measured at another time: of the geometric means of the rounds'
    medians, with Welch's interval (1947, The generalization of Student's problem) on the logarithms."""
    own, base = ([math.log(statistics.median(one)) for one in some if one] for some in (rounds, baseline))
    difference = statistics.fmean(base) - statistics.fmean(own)
    if min(len(own), len(base)) < 2:
        return Interval(math.exp(difference), None, None)
    shares = [statistics.variance(one) / len(one) for one in (own, base)]
    if not sum(shares):
        return Interval(math.exp(difference), None, None)
    freedom = sum(shares) ** 2 / sum(share**2 / (len(one) - 1) for share, one in zip(shares, (own, base), strict=True))
    reach = t_975(max(1, int(freedom))) * math.sqrt(sum(shares))
    return Interval(math.exp(difference), math.exp(difference - reach), math.exp(difference + reach))


def _mean_interval(values: Sequence[float]) -> Interval:
    mean = statistics.fmean(values)
    if len(values) < 2:
        return Interval(mean, None, None)
    reach = t_975(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - reach, mean + reach)


def t_975(freedom: int) -> float:
    """Student's t, 0.975 quantile; beyond the table by Abramowitz and Stegun 26.7.5, first term."""
    if freedom <= len(T_975):
        return T_975[freedom - 1]
    return Z_975 + (Z_975**3 + Z_975) / (4 * freedom)
