"""What a training sees: batch after batch in a seeded order, in its epoch's view, mixed where that is asked."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..data.dataset import DataSet
from .options import Training
from .views import targets, view


@dataclass(frozen=True, eq=False)
class Guidance:
    """A teacher's outputs (views,n,...) on the training set, and how much a student listens to them."""

    logits: NDArray[np.float32]
    temperature: float
    alpha: float


@dataclass(frozen=True, eq=False)
class Batch:
    """One step's samples x (b,c,h,w), targets y (b,) or (b,k), and the teacher's outputs (b,...) where there is one.

    Of mixed samples, `share` is the part that y has in each, the rest is that of the target in `partners`.
    """

    x: torch.Tensor
    y: torch.Tensor
    teacher: torch.Tensor | None
    partners: torch.Tensor | None = None
    share: float = 1.0


def steps_an_epoch(dataset: DataSet, training: Training) -> int:
    """The samples that do not fill the last batch wait for the next epoch's order."""
    return len(dataset.train) // training.batch


def batches(dataset: DataSet, training: Training, guidance: Guidance | None) -> Iterator[Batch]:
    """Every epoch's batches in an order of its own, drawn from the training's seed alone."""
    order = torch.Generator().manual_seed(training.seed)
    partners = np.random.default_rng([training.seed, 1])
    y = targets(dataset.train)
    for epoch in range(training.epochs):
        rows = torch.randperm(len(y), generator=order)[: steps_an_epoch(dataset, training) * training.batch]
        for batch in _epoch(dataset, training, guidance, y, epoch % training.views, rows):
            yield mixed(batch, training.mixup, partners) if training.mixup else batch


def _epoch(
    dataset: DataSet, training: Training, guidance: Guidance | None, y: torch.Tensor, index: int, rows: torch.Tensor
) -> Iterator[Batch]:
    """The rows of view `index`, batch after batch; when they are through, nothing holds the view any longer."""
    x = view(dataset, index, training)
    teacher = torch.from_numpy(np.array(guidance.logits[index])) if guidance else None
    for chosen in torch.split(rows, training.batch):
        yield Batch(_rows(x, chosen), y[chosen], None if teacher is None else teacher[chosen])


def mixed(batch: Batch, alpha: float, random: np.random.Generator) -> Batch:
    """Every sample mixed with another of the batch, in shares drawn from Beta(alpha, alpha) (Zhang et al. 2018, mixup).

    The teacher's outputs are mixed alike: it never saw the mixed sample, so this only comes near what it would say.
    """
    share = float(random.beta(alpha, alpha))
    other = torch.from_numpy(random.permutation(len(batch.y)))

    def mix(values: torch.Tensor) -> torch.Tensor:
        return share * values + (1 - share) * values[other]

    teacher = None if batch.teacher is None else mix(batch.teacher)
    return dataclasses.replace(batch, x=mix(batch.x), teacher=teacher, partners=batch.y[other], share=share)


def _rows(x: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """The chosen samples; images stay channels last in memory."""
    return x.permute(0, 2, 3, 1)[chosen].permute(0, 3, 1, 2) if x.ndim == 4 else x[chosen]
