"""What a search came to: the recipe's own settings, every trial, and which is the best as far as noise lets tell."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...pipeline.task import Metric
from ..plain import plain
from ..stats import Interval, paired_difference
from ..whole import written_whole
from .settings import Range
from .trial import Trial

SCHEMA = 1


@dataclass(frozen=True)
class Tuned:
    """`own` are the recipe's settings, tried beside the `trials`; `importance` is each setting's share in what decides
    of the score, where enough trials tell. Scores are those on validation; test was not looked at."""

    recipe: str
    recipe_sha256: str
    data: str
    command: str
    metric: Metric
    seeds: int
    space: tuple[Range, ...]
    own: Trial
    trials: tuple[Trial, ...]
    importance: Mapping[str, float] = field(default_factory=dict)

    @property
    def best(self) -> Trial:
        """The best mean over the seeds; of two alike the earlier, the recipe's own first."""
        scored = [one for one in (self.own, *self.trials) if one.validation]
        return max(scored, key=lambda one: self.metric.sign * one.mean) if scored else self.own

    @property
    def over_own(self) -> Interval | None:
        """Best minus own, paired over the seeds; None where there are no two to compare."""
        if self.best is self.own or not self.own.validation:
            return None
        return paired_difference(self.best.validation, self.own.validation)

    @property
    def within_noise(self) -> bool:
        """Whether chance alone may have made the best better than the recipe's own."""
        return self.over_own is None or not self.over_own.excludes(0.0)

    def to_json(self) -> dict[str, Any]:
        """What was recorded, and under `derived` what follows from it."""
        derived = {"best": self.best.number, "over_own": plain(self.over_own), "within_noise": self.within_noise}
        return {"schema": SCHEMA, **plain(self), "derived": derived}


def write_tuned(tuned: Tuned, path: Path) -> None:
    """As JSON, keys in one order."""
    with written_whole(path) as beside:
        text = json.dumps(tuned.to_json(), indent=1, allow_nan=False, ensure_ascii=False)
        beside.write_text(text + "\n", encoding="utf-8")
