"""An earlier report as a baseline: what changed since, in the rows that both have."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..harness.result import Result
from ..stats import Interval, paired_difference
from .variant import Variant, result_of


@dataclass(frozen=True)
class Timed:
    """The p50 in microseconds of the file that stands for a row."""

    variant: str
    p50_us: float


@dataclass(frozen=True)
class Baseline:
    """What an earlier report says: its rows, and their times where they were measured by the same plan on the same
    machine; else `times` is empty, for they do not compare. Scores are of the `same_samples` only where its data are
    the very same, split by split; else they do not compare either."""

    recipe: str
    data: str
    created: str
    variants: tuple[Variant, ...]
    times: tuple[Timed, ...] = ()
    same_samples: bool = False


@dataclass(frozen=True)
class Since:
    """One row now minus then: its score on test, paired over the `seeds` that both have, bytes and p50 of its file."""

    variant: str
    test: Interval | None
    seeds: int
    bytes: int | None
    p50_us: float | None


def times(variants: Sequence[Variant], results: Sequence[Result]) -> tuple[Timed, ...]:
    """The p50 on this machine of every row that has one."""
    found = ((row.name, result_of(results, row.displayed)) for row in variants)
    timed = ((name, result.latency()) for name, result in found if result)
    return tuple(Timed(name, calls.p50) for name, calls in timed if calls)


def same_samples(lineage: Mapping[str, Mapping[str, Any]], other: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the students from scratch of two reports' lineages had data of one digest."""
    known = [_data_of(each) for each in (lineage, other)]
    return known[0] is not None and known[0] == known[1]


def _data_of(lineage: Mapping[str, Mapping[str, Any]]) -> Any:
    """The digest of the data that the student from scratch had."""
    inputs = lineage.get("scratch", {}).get("inputs")
    return inputs.get("data") if isinstance(inputs, Mapping) else None


def slim(variant: Variant) -> Variant:
    """A row without what is drawn of it alone."""
    return replace(variant, judged=None, reliability=(), agreement=())


def changes_since(baseline: Baseline, variants: Sequence[Variant], results: Sequence[Result]) -> Iterator[Since]:
    """Every row that the baseline has too, in the same metric."""
    then = {row.name: row for row in baseline.variants}
    before, now = ({one.variant: one.p50_us for one in each} for each in (baseline.times, times(variants, results)))
    for row in variants:
        old = then.get(row.name)
        if old is None or old.metric != row.metric:
            continue
        pairs = _pairs(row, old) if baseline.same_samples else []
        sizes = [one.displayed.bytes if one.displayed else None for one in (row, old)]
        yield Since(
            variant=row.name,
            test=paired_difference(*zip(*pairs, strict=True)) if pairs else None,
            seeds=len(pairs),
            bytes=None if sizes[0] is None or sizes[1] is None else sizes[0] - sizes[1],
            p50_us=now[row.name] - before[row.name] if row.name in now and row.name in before else None,
        )


def _pairs(row: Variant, old: Variant) -> list[tuple[float, float]]:
    """Scores on test of equal seeds."""
    known = dict(zip(old.seeds, old.test, strict=False))
    return [(score, known[seed]) for seed, score in zip(row.seeds, row.test, strict=False) if seed in known]
