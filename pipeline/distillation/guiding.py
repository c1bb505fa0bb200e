"""How a student listens to its teachers, as a recipe says it; torch is not needed to know it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..artifact import Artifact, Kind
from .limits import check_guidance
from .methods.catalog import WITHOUT_TEACHER, Chosen, chosen, sources
from .schedules import Scheduled, Shape

_NAMES = ("teacher", "teacher_2", "teacher_3", "teacher_4")
TEACHERS: Mapping[str, tuple[Kind, ...]] = dict.fromkeys(_NAMES, ("teacher-outputs",))
Combine = Literal["mean", "confidence", "random", "best"]
Balance = Literal["fixed", "uncertainty", "gradient"]


@dataclass(frozen=True, kw_only=True)
class Guiding:
    """The loss is `(1 - alpha)` times the task's own plus `alpha` times the sum of the `methods`, each with its weight.

    Without `methods` there is one, "soft-targets". `temperature` flattens the outputs of both sides where a method has
    use for it; it and alpha may run to `temperature_end` and `alpha_end` as their schedule says: "linear", "cosine",
    or "stairs" of five levels.
    `combine` makes one of several teachers: "mean" of what they hold probable; "confidence" weighs each by its cross
    entropy with the label (Zhang et al. 2022, CA-MKD); "random" picks one a batch (Fukuda et al. 2017), "best" the one
    with the least cross entropy on the batch. Layers are heard of the first teacher alone.
    `balance` weighs task and methods anew as they learn: "uncertainty" by learned variances (Kendall et al. 2018);
    "gradient" so that all pull alike at the student's outputs and heard layers, whatever their shares above 0 (after
    Chen et al. 2018, GradNorm); "fixed" does not.
    """

    temperature: float = 4.0
    temperature_end: float | None = None
    temperature_schedule: Shape = "constant"
    alpha: float = 0.9
    alpha_end: float | None = None
    alpha_schedule: Shape = "constant"
    methods: tuple[Mapping[str, Any], ...] = ()
    combine: Combine = "mean"
    balance: Balance = "fixed"

    def __post_init__(self) -> None:
        check_guidance(self)
        for name in ("temperature", "alpha"):
            self._check_end(name)
        if all(choice.weight == 0 for choice in self.chosen) and self.alpha == _end(self.alpha_end, self.alpha) == 1:
            raise ValueError(
                "alpha is 1 and every method's weight is 0: nothing would train the student; give a method a weight "
                "above 0, or lower alpha"
            )

    def _check_end(self, name: str) -> None:
        values = vars(self)
        if (values[f"{name}_schedule"] == "constant") != (values[f"{name}_end"] is None):
            raise ValueError(f"{name}_schedule and {name}_end need each other; give both, or neither")

    @property
    def chosen(self) -> tuple[Chosen, ...]:
        """The methods, checked."""
        return tuple(chosen(table) for table in self.methods) or (Chosen("soft-targets", None, {}),)

    @property
    def needs_teacher(self) -> bool:
        """Whether a method learns from a teacher."""
        return any(choice.name not in WITHOUT_TEACHER for choice in self.chosen)

    @property
    def teacher_taps(self) -> tuple[str, ...]:
        """The teacher's layers that the methods hear."""
        return tuple(dict.fromkeys(path for choice in self.chosen for path in choice.teacher_taps))

    @property
    def temperatures(self) -> Scheduled:
        return Scheduled(self.temperature, _end(self.temperature_end, self.temperature), self.temperature_schedule)

    @property
    def alphas(self) -> Scheduled:
        return Scheduled(self.alpha, _end(self.alpha_end, self.alpha), self.alpha_schedule)

    def own_sources(self) -> list[Path]:
        """The user's own source files behind the methods."""
        return sources(self.chosen)


def teacher_folders(inputs: Mapping[str, Artifact]) -> list[Path]:
    """The folders with what the teachers among a stage's inputs say, in their order."""
    return [inputs[name].path for name in TEACHERS if name in inputs]


def _end(end: float | None, start: float) -> float:
    return start if end is None else end
