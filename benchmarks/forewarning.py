"""Follows a run and warns before its students are trained, when their teacher knows no more than a guess would tell."""

from pathlib import Path

import numpy as np

from ..pipeline.chain import Step
from ..pipeline.data.dataset import DataSet, load
from ..pipeline.progress import say
from ..pipeline.run import Watcher
from ..pipeline.runtimes.scores import read_scores
from ..pipeline.store import Made


class Forewarning:
    """Hands every step on to another watcher; looks at the data and at the teacher's scores as they come by."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._data = Path()

    def begin(self, step: Step) -> None:
        self._watcher.begin(step)

    def end(self, step: Step, made: Made) -> None:
        self._watcher.end(step, made)
        if step.name == "data":
            self._data = made.artifact.path
        if step.name == "teacher score":
            score = float(read_scores(made.artifact.path)["validation"])
            if warning := nothing_to_teach(score, load(self._data)):
                say(warning)


def nothing_to_teach(score: float, dataset: DataSet) -> str | None:
    """A sentence when a teacher's validation score is no better than that of a guess; None when it is better."""
    metric, guess = dataset.about.task.metric, guessed(dataset)
    if metric.sign * (score - guess) > 0:
        return None
    return (
        f"the teacher's {metric.name} on validation is {metric.said(score)}, no better than the {metric.said(guess)} "
        "of a guess: it has nothing to teach; is it fed as it was trained, and are its labels in this order?"
    )


def guessed(dataset: DataSet) -> float:
    """What validation scores without looking at a sample: its most frequent label, train's median, or a coin."""
    task, y = dataset.about.task, np.asarray(dataset.validation.y)
    if task.kind == "classify":
        return task.score(np.full(len(y), np.bincount(y).argmax()), y)
    if task.kind == "regress":
        return task.score(np.tile(np.median(dataset.train.y, axis=0), (len(y), 1)), y)
    return 50.0
