"""What is told of trainings besides their scores: how long they took, how sure they are, whom they agree with."""

from collections.abc import Iterator, Mapping

import numpy as np

from ...pipeline.artifact import Artifact
from ...pipeline.chain import Chain, Step, Variant
from ...pipeline.data.dataset import DataSet
from ...pipeline.keeping.entry import seconds_of
from ...pipeline.recipe import TEACHER_NAMES
from ...pipeline.runtimes.scores import read_outputs, read_scores
from .agreement import Agreement, Answered, agreement
from .reliability import Reliability, reliability

Artifacts = Mapping[str, Artifact]
JUDGE = "teacher score"  # the step whose answers students are held against


def seconds(row: Variant, steps: Chain, artifacts: Artifacts) -> tuple[float, ...]:
    """Seconds of training that led to each of the row's nets or files, that of teachers aside but for their own row."""
    known = {step.name: step for step in steps.steps}
    ends = row.checkpoints or row.judged
    return tuple(
        round(sum(seconds_of(artifacts[name]) for name in sorted(_trained(end, known, row.name))), 2) for end in ends
    )


def _trained(end: str, known: Mapping[str, Step], row: str) -> set[str]:
    """The steps that trained a net on the way to this one."""
    found, waiting = set(), [end]
    while waiting:
        name = waiting.pop()
        if name in found or (name in TEACHER_NAMES and row not in TEACHER_NAMES):
            continue
        found.add(name)
        waiting += known[name].inputs.values()
    return {name for name in found if known[name].stage.gives == "checkpoint"}


def reliabilities(row: Variant, artifacts: Artifacts, dataset: DataSet) -> Iterator[Reliability]:
    """Seed by seed; nothing where there are no labels."""
    for step in row.judged:
        logits = read_outputs(artifacts[step].path)
        if logits is not None:
            yield reliability(logits, np.asarray(dataset.test.y))


def agreements(row: Variant, artifacts: Artifacts, dataset: DataSet) -> Iterator[Agreement]:
    """Seed by seed, of a student's row with the (first) teacher; nothing where there is none."""
    if JUDGE not in artifacts or row.name in TEACHER_NAMES:
        return
    teacher = _answered(artifacts[JUDGE])
    for step in row.judged:
        if found := agreement(dataset.about.task, teacher, _answered(artifacts[step])):
            yield found


def _answered(judged: Artifact) -> Answered:
    return Answered(np.asarray(read_scores(judged.path)["predictions"]), read_outputs(judged.path))
