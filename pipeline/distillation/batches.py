"""What a training sees: batch after batch in a seeded order, in its epoch's view, mixed where that is asked."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..data.dataset import DataSet
from ..data.labels import is_labelled
from .answers import Answers
from .guidance import Guidance, Heard
from .options import Training
from .views import targets, view


@dataclass(frozen=True, eq=False)
class Batch:
    """One step's samples x (b,c,h,w), targets y (b,) or (b,k), places `rows` (b,) in the training set, and what each
    teacher says of them.

    Of mixed samples, `share` is the part that y has in each, the rest is that of the target in `partners`. `draw` from
    [0,1) is for whoever picks one of several teachers.
    """

    x: torch.Tensor
    y: torch.Tensor
    rows: torch.Tensor
    teachers: Sequence[Answers] = ()
    partners: torch.Tensor | None = None
    share: float = 1.0
    draw: float = 0.0

    def to(self, device: torch.device) -> "Batch":
        """The same on another device."""
        partners = None if self.partners is None else self.partners.to(device)
        teachers = [teacher.each(lambda values: values.to(device)) for teacher in self.teachers]
        x, y, rows = self.x.to(device), self.y.to(device), self.rows.to(device)
        return dataclasses.replace(self, x=x, y=y, rows=rows, teachers=teachers, partners=partners)


def steps_an_epoch(dataset: DataSet, training: Training) -> int:
    """The samples that do not fill the last batch wait for the next epoch's order."""
    return len(dataset.train) // training.batch


def batches(dataset: DataSet, training: Training, guidance: Guidance | None, first: int = 0) -> Iterator[Batch]:
    """Every epoch's batches in an order of its own, drawn from the training's seed alone; from epoch `first` on.

    Whoever has a teacher sees all rows. Who has none sees those with a label, again and again: as many steps.
    """
    order = torch.Generator().manual_seed(training.seed)
    partners = np.random.default_rng([training.seed, 1])
    draws = np.random.default_rng([training.seed, 2])
    teachers = guidance.teachers if guidance else ()
    y = targets(dataset.train)
    seen = (
        torch.arange(len(y)) if teachers else torch.from_numpy(np.flatnonzero(is_labelled(np.asarray(dataset.train.y))))
    )
    for epoch in range(training.epochs):
        rows = _shuffled(seen, steps_an_epoch(dataset, training) * training.batch, order)
        chosen = torch.split(rows, training.batch)
        drawn = draws.random(len(chosen))
        mixes = [_mix(training, partners) for _ in chosen] if training.mixup else [None] * len(chosen)
        if epoch >= first:
            yield from _epoch(dataset, training, teachers, y, epoch % training.views, chosen, drawn, mixes)


def _shuffled(rows: torch.Tensor, count: int, order: torch.Generator) -> torch.Tensor:
    """`count` of these rows in a new order; where there are fewer, all of them in one order after the other."""
    orders = [rows[torch.randperm(len(rows), generator=order)] for _ in range(max(1, -(-count // len(rows))))]
    return torch.cat(orders)[:count]


def _epoch(
    dataset: DataSet,
    training: Training,
    teachers: Sequence[Heard],
    y: torch.Tensor,
    index: int,
    chosen: Sequence[torch.Tensor],
    draws: Iterable[float],
    mixes: Iterable[tuple[float, torch.Tensor] | None],
) -> Iterator[Batch]:
    """The rows of view `index`, batch after batch; when they are through, nothing holds the view any longer."""
    seen = view(dataset, index, training)
    for rows, draw, mix in zip(chosen, draws, mixes, strict=True):
        x = _rows(seen, rows)
        batch = Batch(x, y[rows], rows, [teacher.answers(index, rows, x) for teacher in teachers], draw=draw)
        yield mixed(batch, *mix) if mix else batch


def _mix(training: Training, random: np.random.Generator) -> tuple[float, torch.Tensor]:
    """A share drawn from Beta(alpha, alpha), and whom each sample of a batch is mixed with."""
    return float(random.beta(training.mixup, training.mixup)), torch.from_numpy(random.permutation(training.batch))


def mixed(batch: Batch, share: float, other: torch.Tensor) -> Batch:
    """Every sample mixed with another of the batch (Zhang et al. 2018, mixup).

    What the teachers say is mixed alike: they never saw the mixed sample, so this only comes near what they would say.
    """

    def mix(values: torch.Tensor) -> torch.Tensor:
        return share * values + (1 - share) * values[other]

    teachers = [teacher.each(mix) for teacher in batch.teachers]
    return dataclasses.replace(batch, x=mix(batch.x), teachers=teachers, partners=batch.y[other], share=share)


def _rows(x: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """The chosen samples; images stay channels last in memory."""
    return x.permute(0, 2, 3, 1)[chosen].permute(0, 3, 1, 2) if x.ndim == 4 else x[chosen]
