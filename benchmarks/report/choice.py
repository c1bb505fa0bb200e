"""Which way of training to take: told from validation alone, and the simpler one where noise does not tell."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..stats import Interval, paired_difference, spread
from .variant import Variant


@dataclass(frozen=True)
class Choice:
    """Of candidates, simplest first. `best` has the best mean on validation; `chosen` is the simplest that it does not
    beat beyond noise: the 95 % interval of their difference over the seeds holds 0, or there are too few to have one.

    `best_over_chosen` and `over_scratch` (of `chosen`) are differences on validation; None where there is none to take.
    """

    candidates: tuple[str, ...]
    best: str
    chosen: str
    best_over_chosen: Interval | None
    over_scratch: Interval | None

    @property
    def within_noise(self) -> bool:
        """Whether another candidate was better on validation than the chosen one, as far as noise lets tell."""
        return self.best != self.chosen


def choose(rows: Sequence[Variant]) -> Choice | None:
    """The choice among rows, simplest first, the student from scratch at their head; None where one has no seeds or
    others than the rest. Nothing of the test split is looked at."""
    if len(rows) < 2 or not rows[0].seeds or any(row.seeds != rows[0].seeds or not row.validation for row in rows):
        return None
    sign = rows[0].metric.sign
    best = max(rows, key=lambda row: sign * spread(row.validation).mean)
    chosen = next(row for row in rows if row is best or not _beats(best, row, sign))
    scratch = rows[0]
    return Choice(
        candidates=tuple(row.name for row in rows),
        best=best.name,
        chosen=chosen.name,
        best_over_chosen=_difference(best, chosen),
        over_scratch=_difference(chosen, scratch),
    )


def _difference(one: Variant, other: Variant) -> Interval | None:
    return None if one is other else paired_difference(one.validation, other.validation)


def _beats(one: Variant, other: Variant, sign: float) -> bool:
    """Beyond noise."""
    difference = paired_difference(one.validation, other.validation)
    return difference.excludes(0.0) and sign * difference.estimate > 0
