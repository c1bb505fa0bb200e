"""What follows from a report's raw values: nothing here is measured, all of it can be made again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..harness.checks import Doubt
from ..harness.likeness import unlike
from ..harness.result import Result
from ..harness.slower import why_slower
from ..stats import Interval, Latency, Spread, paired_difference, speed_ratio, spread
from .baseline import Baseline, Since, changes_since
from .choice import Choice, choose
from .pairs import over_samples
from .pareto import front
from .variant import Role, Variant, float_source, result_of

SCRATCH = "student from scratch"
SHUFFLED = "shuffled teacher"  # the row of the control
DISTILLED = "distilled"
TWINS: dict[Role, Role] = {"int8 tflite": "float tflite", "int8 onnx": "float onnx"}


@dataclass(frozen=True)
class Scores:
    """One variant over its seeds, and the paired difference to the student from scratch of what came after it, on test
    and on validation.

    `calibration_error` is the expected one on test, 0 to 1; `same_as_teacher` (a share), `divergence` (nats) and
    `distance` (the metric's unit) say how alike it and the teacher answer test. None where it is not known.
    """

    variant: str
    validation: Spread | None
    test: Spread | None
    over_scratch: Interval | None
    validation_over_scratch: Interval | None = None
    calibration_error: Spread | None = None
    same_as_teacher: Spread | None = None
    divergence: Spread | None = None
    distance: Spread | None = None
    seconds: Spread | None = None


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
    """How many times faster an INT8 file runs than the float file it was made from, in the same runtime; why it does
    not, where it is slower."""

    int8: str
    float: str
    format: str
    ratio: Interval
    why_slower: str | None = None


@dataclass(frozen=True)
class Derived:
    """The `derived` block of a report: `pareto` names the rows that no other beats in score, size and time at once,
    `choice` says which of the candidates to take, where some were compared, and `since` what changed against an earlier
    report."""

    scores: tuple[Scores, ...]
    changes: tuple[Change, ...]
    timings: tuple[Timing, ...]
    speeds: tuple[Speed, ...]
    pareto: tuple[str, ...] = ()
    choice: Choice | None = None
    since: tuple[Since, ...] = ()


def derive(
    variants: Sequence[Variant],
    results: Sequence[Result],
    compared: Sequence[str] = (),
    baseline: Baseline | None = None,
) -> Derived:
    """All of it, from the raw values alone; `compared` names candidates, simplest first."""
    rows = {variant.name: variant for variant in variants}
    return Derived(
        scores=tuple(_scores(variant, variants, compared) for variant in variants),
        changes=tuple(_changes(variants)),
        timings=tuple(Timing(one.key, one.latency(), one.degraded()) for one in results),
        speeds=tuple(_speeds(variants, results)),
        pareto=front(variants, results),
        choice=choose([rows[name] for name in compared if name in rows]),
        since=tuple(changes_since(baseline, variants, results)) if baseline else (),
    )


def _scores(variant: Variant, variants: Sequence[Variant], compared: Sequence[str]) -> Scores:
    """Of one row; what comes behind the student from scratch, or was compared with it, is held to it seed by seed."""
    names = [one.name for one in variants]
    scratch = variants[names.index(SCRATCH)] if SCRATCH in names else variant
    student = variant.name in (*compared, SHUFFLED) or names.index(scratch.name) < names.index(variant.name)
    paired = student and scratch is not variant and scratch.seeds == variant.seeds and variant.test
    return Scores(
        variant=variant.name,
        validation=spread(variant.validation) if variant.validation else None,
        test=spread(variant.test) if variant.test else None,
        over_scratch=paired_difference(variant.test, scratch.test) if paired else None,
        validation_over_scratch=paired_difference(variant.validation, scratch.validation) if paired else None,
        calibration_error=_spread([one.error for one in variant.reliability]),
        same_as_teacher=_spread([one.same for one in variant.agreement]),
        divergence=_spread([one.divergence for one in variant.agreement]),
        distance=_spread([one.distance for one in variant.agreement]),
        seconds=_spread(variant.seconds),
    )


def _spread(values: Sequence[float | None]) -> Spread | None:
    known = [value for value in values if value is not None]
    return spread(known) if known else None


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
            own, base = (
                result_of(results, file) for file in (variant.file(role), source.file(twin) if source else None)
            )
            if own and base and own.latency() and base.latency() and not unlike(own, base):
                yield _speed(own, base, role.split()[1])


def _speed(own: Result, base: Result, format: str) -> Speed:
    ratio = speed_ratio(own.rounds_us, base.rounds_us)
    why = why_slower(own, base) if ratio.high is not None and ratio.high < 1.0 else None
    return Speed(Path(own.file.path).name, Path(base.file.path).name, format, ratio, why)
