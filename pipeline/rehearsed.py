"""What a recipe rehearses before anything is trained: its nets, its trainings, and the lessons that it plans."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from .distillation.guiding import TEACHERS, Guiding
from .distillation.inverting import Inverting
from .distillation.options import Training, suiting
from .distillation.planned import Inversion, Net, Planned
from .fitness import Made, beginning
from .recipe import Recipe, StageTable
from .stages import name_of, stage_type
from .stages.stage import Stage


def rehearsal(recipe: Recipe, steps: Mapping[str, Made]) -> Stage:
    """Every net that the recipe trains, once, and as the file that it shall be; and every lesson, once."""
    taught = [stage for teacher in recipe.teachers if teacher.export for stage in teacher.stages]
    beside = [stage for teacher in recipe.teachers if not teacher.export for stage in teacher.stages]
    trained = [*taught, recipe.student, *(table.stage for table in recipe.stages)]
    rehearse: Callable[..., Stage] = stage_type("rehearse")
    models = _models(trained)
    kept = tuple(net for net in _models(stage for stage in beside if isinstance(stage, Training)) if net not in models)
    trainings = dict.fromkeys(suiting(stage) for stage in trained if isinstance(stage, Training))
    lessons = tuple(_lessons(recipe, steps))
    return rehearse(
        models=models,
        kept=kept,
        task=recipe.task,
        trainings=tuple(trainings),
        lessons=lessons,
        inversions=tuple(_inversions(recipe, steps)),
    )


def _models(stages: Iterable[Stage]) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """The nets that stages build, by name and options, each once."""
    nets = [(vars(stage)["model"], vars(stage)["options"]) for stage in stages if "model" in vars(stage)]
    return tuple(net for place, net in enumerate(nets) if net not in nets[:place])


def _lessons(recipe: Recipe, steps: Mapping[str, Made]) -> Iterator[Planned]:
    """Each of them where it stands first."""
    known: list[Planned] = []
    for table in recipe.stages:
        planned = _planned(table, steps)
        if planned and replace(planned, where="") not in known:
            known.append(replace(planned, where=""))
            yield planned


def _inversions(recipe: Recipe, steps: Mapping[str, Made]) -> Iterator[Inversion]:
    """What is made from teachers whose net is known."""
    for table in recipe.stages:
        stage = steps[table.name].stage
        if isinstance(stage, Inverting) and (teacher := _net(steps[steps[table.name].inputs["teacher"]], steps)):
            learning = [step.stage for step in steps.values() if step.inputs.get("data") == table.name]
            batches = [one.batch for one in learning if isinstance(one, Training)]
            yield Inversion(table.where, teacher, stage, max(batches, default=0))


def _planned(table: StageTable, steps: Mapping[str, Made]) -> Planned | None:
    """The lessons of a stage; None where it gives none, or where too little is known of its samples or its student."""
    step = steps[table.name]
    stage, student = step.stage, _net(step, steps)
    if not (isinstance(stage, Training) and isinstance(stage, Guiding) and student and _has_samples(step, steps)):
        return None
    heard = [steps[step.inputs[name]] for name in TEACHERS if name in step.inputs]
    if stage.needs_teacher and not heard:
        return None
    weights = _whole(steps[step.inputs["weights"]], steps) if "weights" in step.inputs else None
    return Planned(
        where=table.where,
        student=student,
        teachers=tuple(_net(teacher, steps) for teacher in heard),
        how=_unweighted(stage),
        training=suiting(stage),
        initial=vars(stage)["initial"] if weights else "",
        weights=weights,
        reads_words=any(beginning(teacher, steps).stage.gives == "embeddings" for teacher in heard[:1]),
    )


def _has_samples(step: Made, steps: Mapping[str, Made]) -> bool:
    """Whether a stage works on the recipe's data, or on what is made to be like them."""
    return step.inputs["data"] == "data" or name_of(steps[step.inputs["data"]].stage) == "invert"


def _net(step: Made, steps: Mapping[str, Made]) -> Net | None:
    """The net behind a step, before any training and pruning; None where it is no net of torch's."""
    options = vars(beginning(step, steps).stage)
    if "model" in options:
        return Net(options["model"], options["options"])
    return Net(checkpoint=options["checkpoint"]) if "checkpoint" in options else None


def _whole(step: Made, steps: Mapping[str, Made]) -> Net | None:
    """The net behind a step, None where it is pruned on the way: nobody knows yet how wide it will be."""
    while "source" in step.inputs and "model" not in vars(step.stage):
        if name_of(step.stage) == "prune":
            return None
        step = steps[step.inputs["source"]]
    return _net(step, steps)


def _unweighted(how: Guiding) -> Guiding:
    """Only what decides whether methods can be given: what they are, and how teachers and losses become one."""
    methods = tuple({key: value for key, value in table.items() if key != "weight"} for table in how.methods)
    return Guiding(methods=methods, combine=how.combine, balance=how.balance)
