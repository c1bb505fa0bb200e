"""The search: Optuna asks, trials answer, a journal in the output folder remembers; killed, it goes on from there."""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...pipeline.errors import BadInput, MissingTool
from ...pipeline.recipe import Recipe
from ...pipeline.task import Metric
from .basis import Basis
from .journal import JOURNAL, mend, readable
from .settings import Range, rounded
from .trial import Setting, Task, Trial
from .workers import Work

if TYPE_CHECKING:
    import optuna

NOTED = ("number", "validation", "seconds", "error")  # of a trial, in this order: with its error it is whole
DISTANT = 4096  # apart are the seeds of two searches
Tell = Callable[[Trial], None]


@dataclass(frozen=True)
class Search:
    """What is searched, how many trials at a time (`jobs`), and where the journal and the store are.

    Trials stand in one journal where their `basis` is the same.
    """

    recipe: Recipe
    space: tuple[Range, ...]
    basis: Basis
    metric: Metric
    jobs: int
    folder: Path
    store: Path

    def task(self, number: int, settings: Mapping[str, float]) -> Task:
        return Task(self.recipe.path, self.recipe.seeds, self.store, number, settings, self.basis["data"])


def search(wanted: Search, trials: int, work: Work, tell: Tell) -> list[Trial]:
    """So many trials in all, those of the journal counted; each one is told of as it is done.

    They come in rounds of `jobs`, and each round's suggestions follow from what was told before it and from the
    recipe's seed alone: the same search gives the same trials, also when it was killed in between.
    """
    with _quiet():
        study = _study(wanted)
        with readable(wanted.folder / JOURNAL):
            found = list(_finished(study, wanted))
        for trial in found:
            tell(trial)
        while len(found) < trials:
            study.sampler = _sampler(wanted, len(found))
            asked = [study.ask(_distributions(wanted.space)) for _ in range(min(wanted.jobs, trials - len(found)))]
            tasks = [wanted.task(len(found) + place, rounded(one.params)) for place, one in enumerate(asked, start=1)]
            for one, trial in zip(asked, work(tasks), strict=True):
                _note(study, one, trial)
                found.append(trial)
                tell(trial)
        return found


def importance(wanted: Search) -> dict[str, float]:
    """How much each setting decides of the score, 0 to 1, all together 1; empty where too few trials tell.

    PED-ANOVA (Watanabe et al. 2023), as Optuna has it.
    """
    import optuna

    with _quiet(), suppress(ValueError, RuntimeError, ZeroDivisionError):
        study = _study(wanted)
        if len(study.get_trials(states=[optuna.trial.TrialState.COMPLETE])) >= 2 * len(wanted.space) + 2:
            evaluator = optuna.importance.PedAnovaImportanceEvaluator()
            found = optuna.importance.get_param_importances(study, evaluator=evaluator)
            return {name: round(float(value), 4) for name, value in found.items()}
    return {}


def need_optuna() -> None:
    """MissingTool, with the command that brings it, where Optuna is not installed."""
    from ...targets.setup.installation import install_command

    if find_spec("optuna") is None:
        raise MissingTool(f"tune: Optuna is missing; install it with: {install_command('tune')}")


def _study(wanted: Search) -> "optuna.Study":
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    wanted.folder.mkdir(parents=True, exist_ok=True)
    direction: Literal["maximize", "minimize"] = "maximize" if wanted.metric.sign > 0 else "minimize"
    path = wanted.folder / JOURNAL
    mend(path)
    with readable(path):
        journal = JournalFileBackend(str(path), lock_obj=_Held())  # type: ignore[arg-type]
        storage = optuna.storages.JournalStorage(journal)
        study = optuna.create_study(study_name="tune", storage=storage, direction=direction, load_if_exists=True)
        _refuse_others(path, study.user_attrs.get("search", wanted.basis), wanted.basis)
        study.set_user_attr("search", dict(wanted.basis))
    return study


def _refuse_others(journal: Path, known: Any, basis: Basis) -> None:
    """BadInput where what decided the journal's trials is not what decides those to come."""
    if known == basis:
        return
    other = [name for name in basis if known.get(name) != basis[name]] if isinstance(known, Mapping) else ["edgestill"]
    raise BadInput(
        f"{journal.parent}: its {journal.name} is of other {', '.join(other)}, so that new scores cannot stand beside "
        "those; name another --out"
    )


class _Held:
    """No lock: this process alone writes to the folder, and one of Optuna's would outlive a killed process."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


def _sampler(wanted: Search, done: int) -> "optuna.samplers.BaseSampler":
    """Tree-structured Parzen estimators (Bergstra et al. 2011), drawn anew for every round."""
    import optuna

    return optuna.samplers.TPESampler(seed=wanted.recipe.seed * DISTANT + done, constant_liar=True)


def _distributions(space: Sequence[Range]) -> dict[str, Any]:
    from optuna.distributions import FloatDistribution

    return {one.name: FloatDistribution(one.low, one.high, log=one.log) for one in space}


def _note(study: "optuna.Study", asked: "optuna.Trial", trial: Trial) -> None:
    """What came of a trial, with all that a report tells of it."""
    import optuna

    for name in NOTED:
        asked.set_user_attr(name, getattr(trial, name))
    if trial.error is None:
        study.tell(asked, trial.mean)
    else:
        study.tell(asked, state=optuna.trial.TrialState.FAIL)


def _finished(study: "optuna.Study", wanted: Search) -> Iterator[Trial]:
    """The journal's trials; one that was cut off by a kill is closed, and asked for again. ValueError for scores that
    no training gave."""
    import optuna

    states = optuna.trial.TrialState
    for one in study.get_trials(states=[states.RUNNING]):
        study.tell(one.number, state=states.FAIL)
    for one in study.get_trials(states=[states.COMPLETE, states.FAIL]):
        known = one.user_attrs
        if one.state != states.COMPLETE and not (known.get("error") and all(name in known for name in NOTED)):
            continue
        settings = rounded({each.name: one.params[each.name] for each in wanted.space})
        trial = Trial(
            known["number"],
            tuple(Setting(name, value) for name, value in settings.items()),
            tuple(known["validation"]),
            tuple(known["seconds"]),
            known["error"],
        )
        if one.state == states.COMPLETE:
            _check_scores(trial, one.value, wanted)
        yield trial


def _check_scores(trial: Trial, told: float | None, wanted: Search) -> None:
    """ValueError unless every seed has a score that is possible, and their mean is what the search was told."""
    scores = trial.validation
    possible = all(math.isfinite(score) and (wanted.metric.unit != "%" or 0 <= score <= 100) for score in scores)
    if len(scores) != wanted.recipe.seeds or not possible or trial.mean != told:
        raise ValueError(f"trial {trial.number} scored {list(scores)}, {told} in the mean; its training did not say so")


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna calls parts of itself experimental; what is used of them is tested here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
