"""The rows that no other row beats in score, size and time at once."""

from collections.abc import Sequence

from ..harness.result import Result
from .variant import Variant, result_of

Figures = tuple[float, ...]


def front(variants: Sequence[Variant], results: Sequence[Result]) -> tuple[str, ...]:
    """The names of rows that have a score and a file, and that none of the others beats: at least as good in score on
    test, bytes and p50 on this machine, and better in one of them. Where a row has no time, time does not count.
    """
    rows = {row.name: _figures(row, results) for row in variants if row.test and row.displayed}
    if any(len(figures) < 3 for figures in rows.values()):
        rows = {name: figures[:2] for name, figures in rows.items()}
    return tuple(name for name, own in rows.items() if not any(_beats(other, own) for other in rows.values()))


def _figures(row: Variant, results: Sequence[Result]) -> Figures:
    """Less is better in each."""
    assert row.displayed
    score = -row.metric.sign * sum(row.test) / len(row.test)
    result = result_of(results, row.displayed)
    calls = result.latency() if result else None
    return (score, row.displayed.bytes, *((calls.p50,) if calls else ()))


def _beats(one: Figures, other: Figures) -> bool:
    return one != other and all(own <= theirs for own, theirs in zip(one, other, strict=True))
