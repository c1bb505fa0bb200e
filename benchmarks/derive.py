"""What follows from a report's raw values: nothing here is measured, all of it can be made again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .checks import Doubt
from .pairs import over_samples
from .result import Result
from .stats import Interval, Latency, Spread, paired_difference, speed_ratio, spread
from .variant import Role, Variant, float_source, result_of

SCRATCH = "student from scratch"
DISTILLED = "distilled"
TWINS: dict[Role, Role] = {"int8 tflite": "float tflite", "int8 onnx": "float onnx"}


@dataclass(frozen=True)
class Scores:
    """One variant over its seeds, and the paired difference to the student from scratch of what came after it."""

    variant: str
    validation: Spread | None
    test: Spread | None
    over_scratch: Interval | None


@dataclass(frozen=True)
class Change:
    """What INT8 changed: its score minus that of its float source, in the metric's unit, with paired 95 % intervals.

    `over_seeds` is the mean over all trainings, its interval Student's: what other trainings would show. `over_samples`
    is the first training alone, its interval over the test samples: what other samples would show, given `samples`.
    """

    variant: str
    source: str
    over_seeds: Interval | None
    over_samples: Interval | None
    samples: int


@dataclass(frozen=True)
class Timing:
    """One file on one target: the statistics of its calls, and why not to trust them."""

    key: str
    latency_us: Latency | None
    degraded: tuple[Doubt, ...]


@dataclass(frozen=True)
class Speed:
    """How many times faster an INT8 file runs than the float file it was made from, in the same runtime."""

    int8: str
    float: str
    format: str
    ratio: Interval


@dataclass(frozen=True)
class Derived:
    """The `derived` block of a report."""

    scores: tuple[Scores, ...]
    changes: tuple[Change, ...]
    timings: tuple[Timing, ...]
    speeds: tuple[Speed, ...]


def derive(variants: Sequence[Variant], results: Sequence[Result]) -> Derived:
    """All of it, from the raw values alone."""
    return Derived(
        scores=tuple(_scores(variant, variants) for variant in variants),
        changes=tuple(_changes(variants)),
        timings=tuple(Timing(one.key, one.latency(), one.degraded()) for one in results),
        speeds=tuple(_speeds(variants, results)),
    )


def _scores(variant: Variant, variants: Sequence[Variant]) -> Scores:
    names = [one.name for one in variants]
    after = SCRATCH in names and names.index(SCRATCH) < names.index(variant.name)
    scratch = variants[names.index(SCRATCH)] if after else variant
    paired = after and scratch.seeds == variant.seeds and variant.test
    return Scores(
        variant=variant.name,
        validation=spread(variant.validation) if variant.validation else None,
        test=spread(variant.test) if variant.test else None,
        over_scratch=paired_difference(variant.test, scratch.test) if paired else None,
    )


def _changes(variants: Sequence[Variant]) -> Iterator[Change]:
    """Every integer variant that was scored beside its float source."""
    for variant in variants:
        source = float_source(variants, variant) if variant.integer else None
        if source is None or not variant.test or variant.seeds != source.seeds:
            continue
        own, base = variant.judged, source.judged
        yield Change(
            variant=variant.name,
            source=source.name,
            over_seeds=paired_difference(variant.test, source.test) if source.test else None,
            over_samples=over_samples(variant.metric, own, base) if own and base else None,
            samples=len(own.values) if own else 0,
        )


def _speeds(variants: Sequence[Variant], results: Sequence[Result]) -> Iterator[Speed]:
    """Every INT8 file that was timed beside its float twin."""
    for variant in variants:
        source = float_source(variants, variant) if variant.integer else None
        for role, twin in TWINS.items():
            own, base = variant.file(role), source.file(twin) if source else None
            if own and base and (ratio := _ratio(result_of(results, own), result_of(results, base))):
                yield Speed(own.name, base.name, role.split()[1], ratio)


def _ratio(own: Result | None, base: Result | None) -> Interval | None:
    """None unless both were timed in the same runtime with the same threads."""
    if not (own and base and own.runtime and base.runtime and own.latency() and base.latency()):
        return None
    if any(own.runtime[key] != base.runtime[key] for key in ("name", "version", "threads")):
        return None
    return speed_ratio(own.rounds_us, base.rounds_us)
