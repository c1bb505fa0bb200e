"""One trial: the students of one setting, trained as stages of the store, and what they score on validation."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from ...pipeline.chain import Step, chain
from ...pipeline.errors import BadInput, EdgestillError
from ...pipeline.keeping.entry import seconds_of
from ...pipeline.models.checkpoint import read_about
from ...pipeline.own_code import factories_in
from ...pipeline.recipe import Recipe, read_recipe
from ...pipeline.run import Watcher, run
from ...pipeline.store import Made, Store
from ..commands.session import with_seeds
from .settings import Settings, tuned_stage, with_settings


@dataclass(frozen=True)
class Setting:
    """The value of one setting."""

    name: str
    value: float


@dataclass(frozen=True)
class Trial:
    """What its students score on validation, seed by seed, and the seconds that each took to train; `error` says why
    there is no score. `number` counts from 1; 0 is the recipe's own."""

    number: int
    settings: tuple[Setting, ...]
    validation: tuple[float, ...] = ()
    seconds: tuple[float, ...] = ()
    error: str | None = None

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return fmean(self.validation)

    @property
    def values(self) -> dict[str, float]:
        """By the names of the settings."""
        return {one.name: one.value for one in self.settings}


@dataclass(frozen=True)
class Task:
    """All that another process needs to make a trial; `data` is the digest of those that it must be made of."""

    recipe: Path
    seeds: int
    store: Path
    number: int
    settings: Settings
    data: str


class OtherData(BadInput):
    """The data were changed while the search ran."""


class Unwatched:
    """Follows no step: many trials run at once."""

    def begin(self, step: Step) -> None:
        pass

    def end(self, step: Step, made: Made) -> None:
        pass


def work(task: Task, watcher: Watcher | None = None) -> Trial:
    """The trial; one whose training fails is a trial with an error. What was made before is found in the store."""
    recipe = with_seeds(read_recipe(task.recipe), task.seeds)
    settings = tuple(Setting(name, value) for name, value in task.settings.items())
    try:
        with factories_in(recipe.folder):
            return _made(recipe, task, settings, watcher or Unwatched())
    except OtherData:
        raise
    except EdgestillError as error:
        return Trial(task.number, settings, error=str(error))


def _made(recipe: Recipe, task: Task, settings: tuple[Setting, ...], watcher: Watcher) -> Trial:
    students = ends(recipe)
    steps = leading_to(chain(with_settings(recipe, task.settings)).steps, students)
    artifacts = run(steps, Store(task.store), watcher, f"{recipe.name}, tuned")
    if artifacts["data"].sha256 != task.data:
        raise OtherData("the data were changed while the search ran; start it again in another --out")
    validation = []
    for name in students:
        history = read_about(artifacts[name].path).history
        validation.append(next(epoch.validation for epoch in history if epoch.kept))
    seconds = tuple(round(seconds_of(artifacts[name]), 2) for name in students)
    return Trial(task.number, settings, tuple(validation), seconds)


def ends(recipe: Recipe) -> list[str]:
    """The steps that give the tuned students, seed by seed."""
    name = tuned_stage(recipe).name
    return [name + (f" (seed {recipe.seed + offset})" if offset else "") for offset in range(recipe.seeds)]


def leading_to(steps: Sequence[Step], names: Sequence[str]) -> list[Step]:
    """Those steps that these need, themselves included, in their order."""
    wanted = set(names)
    for step in reversed(steps):
        if step.name in wanted:
            wanted |= set(step.inputs.values())
    return [step for step in steps if step.name in wanted]
