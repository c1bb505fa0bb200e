"""The search: Optuna asks, trials answer, a journal in the output folder remembers; killed, it goes on from there."""

import hashlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...pipeline.artifact import canonical_json, digest
from ...pipeline.errors import BadInput, MissingTool
from ...pipeline.recipe import Recipe
from ...pipeline.task import Metric
from .settings import Range, rounded
from .trial import Setting, Task, Trial
from .workers import Work

if TYPE_CHECKING:
    import optuna

JOURNAL = "trials.journal"
DISTANT = 4096  # apart are the seeds of two searches
Tell = Callable[[Trial], None]


@dataclass(frozen=True)
class Search:
    """What is searched, how many trials at a time (`jobs`), and where the journal and the store are."""

    recipe: Recipe
    space: tuple[Range, ...]
    metric: Metric
    jobs: int
    folder: Path
    store: Path

    def task(self, number: int, settings: Mapping[str, float]) -> Task:
        return Task(self.recipe.path, self.recipe.seeds, self.store, number, settings)

    @property
    def fingerprint(self) -> str:
        """The same for searches whose trials may stand in one journal."""
        said = [digest(self.recipe.path), self.recipe.seeds, [vars(one) for one in self.space]]
        return hashlib.sha256(canonical_json(said).encode()).hexdigest()


def search(wanted: Search, trials: int, work: Work, tell: Tell) -> list[Trial]:
    """So many trials in all, those of the journal counted; each one is told of as it is done.

    They come in rounds of `jobs`, and each round's suggestions follow from what was told before it and from the
    recipe's seed alone: the same search gives the same trials, also when it was killed in between.
    """
    with _quiet():
        study = _study(wanted)
        found = list(_finished(study, wanted.space))
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


def _study(wanted: Search) -> "optuna.Study":
    from ...targets.setup.installation import install_command

    try:
        import optuna
        from optuna.storages.journal import JournalFileBackend
    except ModuleNotFoundError as error:
        raise MissingTool(f"tune: Optuna is missing; install it with: {install_command('tune')}") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    wanted.folder.mkdir(parents=True, exist_ok=True)
    _mend(wanted.folder / JOURNAL)
    journal = JournalFileBackend(str(wanted.folder / JOURNAL), lock_obj=_Held())  # type: ignore[arg-type]
    storage = optuna.storages.JournalStorage(journal)
    direction: Literal["maximize", "minimize"] = "maximize" if wanted.metric.sign > 0 else "minimize"
    study = optuna.create_study(study_name="tune", storage=storage, direction=direction, load_if_exists=True)
    known = study.user_attrs.setdefault("search", wanted.fingerprint)
    if known != wanted.fingerprint:
        raise BadInput(f"{wanted.folder}: its {JOURNAL} is of another recipe, seeds or [tune]; name another --out")
    study.set_user_attr("search", wanted.fingerprint)
    return study


class _Held:
    """No lock: this process alone writes to the folder, and one of Optuna's would outlive a killed process."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


def _mend(journal: Path) -> None:
    """Cuts off the line that a killed process did not finish."""
    written = journal.read_bytes() if journal.exists() else b""
    if written and not written.endswith(b"\n"):
        journal.write_bytes(written[: written.rfind(b"\n") + 1])


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

    for name in ("validation", "seconds", "error", "number"):
        asked.set_user_attr(name, getattr(trial, name))
    if trial.error is None:
        study.tell(asked, trial.mean)
    else:
        study.tell(asked, state=optuna.trial.TrialState.FAIL)


def _finished(study: "optuna.Study", space: Sequence[Range]) -> Iterator[Trial]:
    """The journal's trials; one that was cut off by a kill is closed, and asked for again."""
    import optuna

    states = optuna.trial.TrialState
    for one in study.get_trials(states=[states.RUNNING]):
        study.tell(one.number, state=states.FAIL)
    for one in study.get_trials(states=[states.COMPLETE, states.FAIL]):
        known = one.user_attrs
        if one.state != states.COMPLETE and not known.get("error"):
            continue
        settings = rounded({each.name: one.params[each.name] for each in space})
        yield Trial(
            known["number"],
            tuple(Setting(name, value) for name, value in settings.items()),
            tuple(known["validation"]),
            tuple(known["seconds"]),
            known["error"],
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna calls parts of itself experimental; what is used of them is tested here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
