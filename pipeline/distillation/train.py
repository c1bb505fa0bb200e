"""The one training loop: for a teacher, a student from scratch, a distilled student, a pruned one."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..artifact import digest
from ..data.check import check
from ..data.dataset import About as DataAbout
from ..data.dataset import DataSet, Split
from ..errors import BadInput
from ..models.catalog import build, sources
from ..models.checkpoint import About, Checkpoint, Epoch
from ..preprocess import channels_first, channels_last
from ..progress import track
from ..task import Metric, Task
from .loss import guided_loss, task_loss
from .options import Training
from .repeatable import repeatable
from .views import targets, view


@dataclass(frozen=True, eq=False)
class Guidance:
    """A teacher's outputs (views,n,...) on the training set, and how much a student listens to them."""

    logits: NDArray[np.float32]
    temperature: float
    alpha: float


@dataclass(frozen=True, eq=False)
class Batch:
    """One step's samples x (b,c,h,w), targets y (b,) or (b,k), and the teacher's outputs (b,...) where there is one."""

    x: torch.Tensor
    y: torch.Tensor
    teacher: torch.Tensor | None


def trained(
    model: str, options: Mapping[str, Any], dataset: DataSet, training: Training, guidance: Guidance | None = None
) -> Checkpoint:
    """A new net, trained: its weights are seeded before it is built. The last epoch's weights are kept."""
    about = dataset.about
    with repeatable(training.seed, training.threads):
        net = build(model, about.preprocess.shape, dataset.outputs, options)
        history = fit(net, dataset, training, guidance)
    return Checkpoint(
        net,
        About(
            model,
            options,
            about.task,
            about.preprocess,
            training.seed,
            history,
            data=(about.name, about.seed),
            sources=tuple(digest(path) for path in sources(model)),
        ),
    )


def fit(net: nn.Module, dataset: DataSet, training: Training, guidance: Guidance | None = None) -> tuple[Epoch, ...]:
    """Trains the net in place and leaves it in evaluation mode; gives every epoch's loss and validation metric.

    BadData when the data are not fit to be trained on, BadInput when the loss stops being a number.
    """
    check(dataset)
    task = dataset.about.task
    steps = _steps(dataset, training)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(net.parameters(), training.learning_rate, weight_decay=training.weight_decay)
    total = steps * training.epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, training.learning_rate, total_steps=total)
    losses: list[float] = []
    history: list[Epoch] = []
    net.train()
    for batch in track(
        _batches(dataset, training, guidance), total, lambda: _note(losses, history, training, task.metric)
    ):
        losses.append(_step(net, batch, optimizer, training, task, guidance))
        if not math.isfinite(losses[-1]):
            raise _not_a_number(losses, training)
        schedule.step()
        if len(losses) % steps == 0:
            history.append(Epoch(fmean(losses[-steps:]), score(net, dataset.validation, dataset.about)))
            net.train()
    net.eval()
    return tuple(history)


def score(net: nn.Module, split: Split, about: DataAbout) -> float:
    """The task's metric on a split, computed as for a file; leaves the net in evaluation mode."""
    x = about.preprocess.apply(np.asarray(split.x))
    outputs = channels_last(logits(net, torch.from_numpy(channels_first(x))).float().numpy())
    return about.task.score(about.task.predictions(outputs, x), np.asarray(split.y))


def logits(net: nn.Module, x: torch.Tensor, batch: int = 256) -> torch.Tensor:
    """The net's outputs (n,...) for x (n,c,h,w); leaves the net in evaluation mode."""
    net.eval()
    with torch.inference_mode():
        return torch.cat([net(_laid_out(part)) for part in torch.split(x, batch)])


def _laid_out(x: torch.Tensor) -> torch.Tensor:
    """Images channels last in memory, which is faster; any other samples as they are."""
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


def _steps(dataset: DataSet, training: Training) -> int:
    """Steps an epoch; the samples that do not fill the last batch wait for the next epoch's order."""
    if len(dataset.train) < training.batch:
        raise BadInput(
            f"batch is {training.batch}, but data set {dataset.about.name} has {len(dataset.train)} training samples"
        )
    return len(dataset.train) // training.batch


def _batches(dataset: DataSet, training: Training, guidance: Guidance | None) -> Iterator[Batch]:
    """Every epoch's batches in an order of its own, drawn from the training's seed alone."""
    order = torch.Generator().manual_seed(training.seed)
    y = targets(dataset.train)
    for epoch in range(training.epochs):
        index = epoch % training.views
        x = view(dataset, index, training.shift)
        teacher = torch.from_numpy(np.array(guidance.logits[index])) if guidance else None
        rows = torch.randperm(len(y), generator=order)
        for chosen in torch.split(rows[: _steps(dataset, training) * training.batch], training.batch):
            yield Batch(x[chosen], y[chosen], None if teacher is None else teacher[chosen])


def _step(
    net: nn.Module,
    batch: Batch,
    optimizer: torch.optim.Optimizer,
    training: Training,
    task: Task,
    guidance: Guidance | None,
) -> float:
    with torch.autocast("cpu", torch.bfloat16, enabled=training.dtype == "bfloat16"):
        outputs = net(_laid_out(batch.x))
    outputs = outputs.float()
    if guidance is None or batch.teacher is None:
        loss = task_loss(task, outputs, batch.x, batch.y)
    else:
        loss = guided_loss(task, outputs, batch.teacher, batch.x, batch.y, guidance.temperature, guidance.alpha)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.item()


def _note(losses: list[float], history: list[Epoch], training: Training, metric: Metric) -> str:
    epoch = f"epoch {min(len(history) + 1, training.epochs)}/{training.epochs}"
    loss = f", loss {losses[-1]:.3f}" if losses else ""
    validation = f", validation {metric.said(history[-1].validation)}" if history else ""
    return epoch + loss + validation


def _not_a_number(losses: list[float], training: Training) -> BadInput:
    return BadInput(
        f"training: the loss is {losses[-1]} at step {len(losses)}; "
        f'lower learning_rate ({training.learning_rate}) or choose dtype "float32"'
    )
