"""What a training hears of its teachers: their recorded answers, batch after batch, made one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from ..task import Task
from .answers import Answers
from .guiding import Combine, Guiding


class Heard(Protocol):
    """A teacher as a training meets it."""

    def answers(self, view: int, rows: torch.Tensor, x: torch.Tensor) -> Answers:
        """What it says of these rows (n,) of the training set in that view, fed as x (n,...)."""
        ...


@dataclass(frozen=True, eq=False)
class Recorded:
    """A teacher's logits (views,n,...) on the training set, and what its tapped layers gave, computed once."""

    logits: NDArray[np.float32]
    features: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def answers(self, view: int, rows: torch.Tensor, x: torch.Tensor) -> Answers:
        chosen = rows.numpy()
        features = {path: torch.from_numpy(values[view][chosen]) for path, values in self.features.items()}
        return Answers(torch.from_numpy(self.logits[view][chosen]), features)


@dataclass(frozen=True, eq=False)
class Guidance:
    """The teachers, none where a student teaches itself, and how the student listens to them."""

    teachers: Sequence[Heard]
    how: Guiding


def combined(
    how: Combine, answers: Sequence[Answers], y: torch.Tensor, task: Task, temperature: float, draw: float
) -> Answers | None:
    """One teacher's answers of several, as `Guiding` says; the features are the first's. `draw` from [0,1) picks one.

    A mixture of probabilities at the lesson's temperature is the same to KL's gradient as a weighted sum of one loss a
    teacher. Reals are mixed as they are.
    """
    if not answers:
        return None
    if len(answers) == 1:
        return answers[0]
    outputs = torch.stack([answer.outputs for answer in answers])  # (teachers,n,...)
    return Answers(_one(how, outputs, y, task, temperature, draw), answers[0].features)


def _one(
    how: Combine, outputs: torch.Tensor, y: torch.Tensor, task: Task, temperature: float, draw: float
) -> torch.Tensor:
    if how == "random":
        return outputs[int(draw * len(outputs))]
    if task.kind != "classify":
        return outputs.mean(dim=0)
    errors = torch.stack([_cross_entropy(each, y) for each in outputs])  # (teachers,n), 0 where there is no label
    if how == "best":
        return outputs[int(errors.mean(dim=1).argmin())]
    shares = torch.full_like(errors, 1 / len(errors)) if how == "mean" else _confidence(errors)
    probable = functional.log_softmax(outputs / temperature, dim=-1) + shares.clamp_min(1e-12).log()[..., None]
    return temperature * torch.logsumexp(probable, dim=0)


def _confidence(errors: torch.Tensor) -> torch.Tensor:
    """The share of each teacher (teachers,n): the less its cross entropy, the more (Zhang et al. 2022, equation 2)."""
    return (1 - torch.softmax(errors, dim=0)) / (len(errors) - 1)


def _cross_entropy(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(logits, y, reduction="none", ignore_index=-1)
