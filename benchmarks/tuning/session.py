"""A whole search: the recipe's own settings first, then the trials; a page, and the best recipe beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...pipeline.artifact import digest
from ...pipeline.chain import chain
from ...pipeline.data.dataset import load
from ...pipeline.disk import written_to
from ...pipeline.errors import BadInput
from ...pipeline.own_code import factories_in
from ...pipeline.recipe import Recipe
from ...pipeline.run import run
from ...pipeline.store import Store
from ..commands.handover import CURE
from ..commands.session import with_seeds
from ..tables.terminal import Terminal
from ..whole import only_writer
from .basis import basis_of
from .page import write_page
from .recipe_file import write_recipe
from .search import Search, importance, need_optuna, search
from .settings import ranges, rounded
from .table import line
from .trial import Task, Trial, leading_to, work
from .tuned import Tuned, write_tuned
from .workers import workers

MOST_JOBS, MOST_TRIALS = 64, 10_000


@dataclass(frozen=True)
class Asked:
    """How many trials, how many at a time, on which Ray cluster if any, over how many seeds."""

    trials: int
    jobs: int = 1
    ray: str | None = None
    seeds: int | None = None

    def __post_init__(self) -> None:
        for name, most in (("trials", MOST_TRIALS), ("jobs", MOST_JOBS)):
            if not 1 <= getattr(self, name) <= most:
                raise BadInput(f"--{name} is {getattr(self, name)}; it must be 1 to {most}")


def tune(recipe: Recipe, out: Path, store: Store, terminal: Terminal, asked: Asked) -> Tuned:
    """Searches, and leaves tuned.json, tuned.html and best.toml in the folder `out`."""
    need_optuna()
    if asked.seeds is not None:
        recipe = with_seeds(recipe, asked.seeds)
    with written_to(out, CURE), factories_in(recipe.folder), only_writer(out):
        space = ranges(recipe)
        own_settings = rounded({one.name: one.own for one in space})
        data = run(leading_to(chain(recipe).steps, ["rehearsal"]), store, terminal, recipe.name)["data"]
        about = load(data.path).about
        own = work(Task(recipe.path, recipe.seeds, store.root, 0, own_settings, data.sha256), terminal)
        if own.error:
            raise BadInput(f"with the recipe's own settings: {own.error}")
        wanted = Search(recipe, space, basis_of(recipe, space, data), about.task.metric, asked.jobs, out, store.root)
        trials = _searched(wanted, asked, own, terminal)
        tuned = Tuned(
            recipe=recipe.name,
            recipe_sha256=digest(recipe.path),
            data=about.name,
            command=_command(recipe, asked),
            metric=about.task.metric,
            seeds=recipe.seeds,
            space=space,
            own=own,
            trials=tuple(trials),
            importance=importance(wanted),
        )
        _write(tuned, recipe, out)
    return tuned


def _searched(wanted: Search, asked: Asked, own: Trial, terminal: Terminal) -> list[Trial]:
    """The trials, each with a line when it is done."""

    def tell(trial: Trial) -> None:
        terminal.stop()
        name = f"trial {trial.number}" if trial.number else "the recipe's own"
        terminal.tick(f"{name:<16} ", f"{line(trial, wanted.metric):<40}", sum(trial.seconds))
        terminal.fresh += 1
        terminal.start("training")

    tell(own)
    with workers(asked.jobs, asked.ray) as made:
        found = search(wanted, asked.trials, made, tell)
    terminal.stop()
    return found


def _write(tuned: Tuned, recipe: Recipe, out: Path) -> None:
    best = tuned.best
    told = f"{recipe.path.name} with the best of {len(tuned.trials)} trials on validation: {tuned.command}"
    settings: Mapping[str, float] = best.values if best is not tuned.own else {}
    write_recipe(recipe, settings, told, out / "best.toml")
    write_page(tuned, out / "tuned.html")
    write_tuned(tuned, out / "tuned.json")


def _command(recipe: Recipe, asked: Asked) -> str:
    name = recipe.name if recipe.is_shipped else recipe.path.name
    jobs = f" --jobs {asked.jobs}" if asked.jobs > 1 else ""
    return f"edgestill tune {name} --trials {asked.trials} --seeds {recipe.seeds}{jobs}"
