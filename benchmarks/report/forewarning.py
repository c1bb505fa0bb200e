"""Follows a run and warns before its students are taught: when their teacher or the student alone knows no more than a
guess would tell, or the teacher no more than that student."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import numpy as np

from ...pipeline.chain import Step
from ...pipeline.data.dataset import DataSet, load
from ...pipeline.distillation.guiding import TEACHERS, Guiding
from ...pipeline.distillation.options import Training
from ...pipeline.progress import say
from ...pipeline.run import Watcher
from ...pipeline.runtimes.scores import read_scores
from ...pipeline.stages.stage import Stage
from ...pipeline.store import Made
from ..tables.human import counted


class Forewarning:
    """Hands every step on to another watcher; looks at the data and at scores as they come by."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._data = Path()
        self._teacher: float | None = None
        self._alone: list[float] = []
        self._student: Stage | None = None
        self._warned = False

    def begin(self, step: Step) -> None:
        if isinstance(step.stage, Guiding) and any(name in step.inputs for name in TEACHERS) and not self._warned:
            self._warned = True
            if self._teacher is not None and (warning := weaker(self._teacher, self._alone, load(self._data))):
                say(warning)
        self._watcher.begin(step)

    def end(self, step: Step, made: Made) -> None:
        self._watcher.end(step, made)
        if step.name == "data":
            self._data = made.artifact.path
        if step.name == "teacher score":
            self._teacher = _validation(made)
            if warning := nothing_to_teach(self._teacher, load(self._data)):
                say(warning)
        if step.name == "scratch":
            self._student = step.stage
        if step.name.startswith("scratch") and made.artifact.kind == "scores":
            self._alone.append(_validation(made))
            if self._student and (warning := learned_nothing(self._alone[:1], load(self._data), self._student)):
                say(warning)
                self._student = None


def _validation(made: Made) -> float:
    return float(read_scores(made.artifact.path)["validation"])


def weaker(teacher: float, alone: list[float], dataset: DataSet) -> str | None:
    """A sentence when the teacher's validation score is below the mean of students that had none; None when it is not,
    or none of them was trained yet."""
    metric = dataset.about.task.metric
    if not alone or metric.sign * (teacher - fmean(alone)) >= 0:
        return None
    seeds = f", {counted(len(alone), 'seed')}" if len(alone) > 1 else ""
    return (
        f"the teacher ({metric.said(teacher)}) is weaker on validation than the student alone "
        f"({metric.said(fmean(alone))}{seeds}): it has little to teach; train it longer, or train on the labels"
    )


def nothing_to_teach(score: float, dataset: DataSet) -> str | None:
    """A sentence when a teacher's validation score is no better than that of a guess; None when it is better."""
    metric, guess = dataset.about.task.metric, guessed(dataset)
    if metric.sign * (score - guess) > 0:
        return None
    return (
        f"the teacher's {metric.name} on validation is {metric.said(score)}, no better than the {metric.said(guess)} "
        "of a guess: it has nothing to teach; is it fed as it was trained, and are its labels in this order?"
    )


def learned_nothing(alone: Sequence[float], dataset: DataSet, student: Stage) -> str | None:
    """A sentence when students that had no teacher score on validation no better than a guess; None when they are."""
    metric, guess = dataset.about.task.metric, guessed(dataset)
    if not isinstance(student, Training) or not alone or metric.sign * (fmean(alone) - guess) > 0:
        return None
    steps = student.epochs * (len(dataset.train) // student.batch)
    return (
        f"the student alone learned nothing: {metric.said(fmean(alone))} on validation after {counted(steps, 'step')}, "
        f"no better than the {metric.said(guess)} of a guess; give it more epochs, a smaller batch or another "
        "learning_rate, and see that samples and labels belong together"
    )


def guessed(dataset: DataSet) -> float:
    """What validation scores without looking at a sample: its most frequent label, train's median, or a coin."""
    task, y = dataset.about.task, np.asarray(dataset.validation.y)
    if task.kind == "classify":
        return task.score(np.full(len(y), np.bincount(y).argmax()), y)
    if task.kind == "regress":
        return task.score(np.tile(np.nanmedian(dataset.train.y, axis=0), (len(y), 1)), y)
    return 50.0
