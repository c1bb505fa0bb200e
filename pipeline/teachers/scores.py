"""What a teacher scores, the way it teaches."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.dataset import DataSet, Split
from ..distillation.teacher import Teacher
from ..progress import track
from ..runtimes.scores import Scores

CHUNK = 1024  # samples that a teacher answers at a time


def teacher_scores(teacher: Teacher, dataset: DataSet) -> Scores:
    """The metric on validation and test; parameters and MACs where they are known."""
    task = dataset.about.task
    validation, test = (_predictions(teacher, split, dataset) for split in (dataset.validation, dataset.test))
    return Scores(
        metric=task.metric.name,
        validation=task.score(validation, np.asarray(dataset.validation.y)),
        test=task.score(test, np.asarray(dataset.test.y)),
        predictions=tuple(test.tolist()),
        parameters=teacher.parameters,
        macs=teacher.macs,
        arena=None,
    )


def _predictions(teacher: Teacher, split: Split, dataset: DataSet) -> NDArray[Any]:
    starts = range(0, len(split), CHUNK)
    parts = (split.take(np.arange(start, min(start + CHUNK, len(split)))) for start in track(starts, len(starts)))
    outputs = np.concatenate([teacher.outputs(part) for part in parts])
    return dataset.about.task.predictions(outputs, dataset.about.preprocess.apply(np.asarray(split.x)))
