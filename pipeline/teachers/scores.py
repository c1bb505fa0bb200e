"""What a teacher scores, the way it teaches."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.dataset import DataSet, Split
from ..distillation.teacher import Teacher
from ..progress import track
from ..runtimes.scores import Scores, logits_of

CHUNK = 1024  # samples that a teacher answers at a time


def teacher_scores(teacher: Teacher, dataset: DataSet) -> Scores:
    """The metric on validation and test; parameters and MACs where they are known."""
    task = dataset.about.task
    said = [_outputs(teacher, split) for split in (dataset.validation, dataset.test)]
    validation, test = (
        task.predictions(outputs, dataset.about.preprocess.apply(np.asarray(split.x)))
        for outputs, split in zip(said, (dataset.validation, dataset.test), strict=True)
    )
    return Scores(
        metric=task.metric.name,
        validation=task.score(validation, np.asarray(dataset.validation.y)),
        test=task.score(test, np.asarray(dataset.test.y)),
        predictions=tuple(test.tolist()),
        parameters=teacher.parameters,
        macs=teacher.macs,
        arena=None,
        outputs=logits_of(task, said[1]),
    )


def _outputs(teacher: Teacher, split: Split) -> NDArray[Any]:
    starts = range(0, len(split), CHUNK)
    parts = (split.take(np.arange(start, min(start + CHUNK, len(split)))) for start in track(starts, len(starts)))
    return np.concatenate([teacher.outputs(part) for part in parts])
