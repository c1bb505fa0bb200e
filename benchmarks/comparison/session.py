"""A whole comparison: students first, those from scratch at their head; then the choice; then what comes after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from ...pipeline.artifact import Artifact
from ...pipeline.chain import Chain, Step, chain
from ...pipeline.data.dataset import load
from ...pipeline.distillation.guiding import Guiding
from ...pipeline.own_code import factories_in
from ...pipeline.recipe import Recipe
from ...pipeline.run import run
from ...pipeline.runtimes.scores import read_scores
from ...pipeline.store import Store
from ...pipeline.task import Metric
from ..commands.session import prepare, reported, with_seeds
from ..report.choice import choose
from ..report.derive import SCRATCH
from ..report.document import Report, read_report
from ..report.forewarning import Forewarning
from ..report.variant import Variant
from ..tables.terminal import Terminal
from ..whole import only_writer
from .candidates import Comparison, comparison


@dataclass(frozen=True)
class Asked:
    """What a user wants of a comparison: `seeds` in place of the recipe's number, `methods` in place of its list, a row
    that learns from a `shuffled` teacher, an earlier report as `baseline`, and files measured `again`."""

    seeds: int | None = None
    methods: tuple[str, ...] = ()
    shuffled: bool = False
    baseline: Path | None = None
    again: bool = False


def compare(recipe: Recipe, out: Path, store: Store, terminal: Terminal, asked: Asked) -> Report:
    """Trains, chooses on validation, finishes, measures, and reports in the folder `out`."""
    earlier = read_report(asked.baseline, sealed=True) if asked.baseline else None
    if asked.seeds is not None:
        recipe = with_seeds(recipe, asked.seeds)
    watcher = Forewarning(terminal)
    with factories_in(recipe.folder):
        planned = comparison(recipe, asked.methods, asked.shuffled)
        students = chain(planned.students)
        prepare(recipe, out)
        artifacts = run(_alone_first(students.steps), store, watcher, recipe.name)
        chosen, taught = _chosen(planned, students, artifacts)
        finished = planned.finished(chosen, taught)
        steps = chain(finished)
        artifacts = run(steps.steps, store, watcher, recipe.name, artifacts)
    with only_writer(out):
        return reported(
            finished,
            out,
            _chosen_last(steps, chosen),
            artifacts,
            terminal,
            asked.again,
            compared=planned.rows,
            command=_command(recipe, asked),
            baseline=earlier,
        )


def _alone_first(steps: Sequence[Step]) -> list[Step]:
    """The students from scratch before those that are taught, so that a weak teacher is noticed in time."""
    taught: set[str] = set()
    for step in steps:
        if isinstance(step.stage, Guiding) or taught & set(step.inputs.values()):
            taught.add(step.name)
    return sorted(steps, key=lambda step: step.name in taught)


def _chosen(planned: Comparison, steps: Chain, artifacts: Mapping[str, Artifact]) -> tuple[str, str | None]:
    """The row to take, and the best of those that were taught; None where nobody was."""
    metric = load(artifacts["data"].path).about.task.metric
    judged = {row.name: row.judged for row in steps.variants}
    rows = [_row(name, judged[name], artifacts, metric) for name in planned.rows]
    found = choose(rows)
    if found is None:
        return SCRATCH, None
    if found.chosen != SCRATCH:
        return found.chosen, found.chosen
    return SCRATCH, max(rows[1:], key=lambda row: metric.sign * fmean(row.validation)).name


def _row(name: str, judged: Sequence[str], artifacts: Mapping[str, Artifact], metric: Metric) -> Variant:
    """A row as far as the choice looks at it: its scores on validation."""
    scores = tuple(float(read_scores(artifacts[step].path)["validation"]) for step in judged)
    return Variant(name, metric, tuple(range(len(scores))), scores, (), None, None, ())


def _chosen_last(steps: Chain, chosen: str) -> Chain:
    """Where nothing comes after the students, the chosen one is the last row: files are named for that."""
    if any(row.source for row in steps.variants):
        return steps
    return replace(steps, variants=tuple(sorted(steps.variants, key=lambda row: row.name == chosen)))


def _command(recipe: Recipe, asked: Asked) -> str:
    parts = [f"edgestill compare {recipe.name if recipe.is_shipped else recipe.path.name} --seeds {recipe.seeds}"]
    parts += [f"--methods {','.join(asked.methods)}"] * bool(asked.methods)
    parts += ["--shuffled-teacher"] * asked.shuffled
    parts += [f"--baseline {asked.baseline.name}"] if asked.baseline else []
    return " ".join(parts)
