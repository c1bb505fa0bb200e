"""The one training loop: for a teacher, a student from scratch, a distilled student, a pruned one."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import numpy as np
import torch
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
from .batches import Batch, Guidance, batches, steps_an_epoch
from .early_stopping import BestEpoch
from .loss import guided_loss, task_loss
from .optimizer import optimizer, schedule
from .options import Training, check_training
from .repeatable import repeatable


def trained(
    model: str, options: Mapping[str, Any], dataset: DataSet, training: Training, guidance: Guidance | None = None
) -> Checkpoint:
    """A new net, trained: its weights are seeded before it is built."""
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
            data=about.drawn,
            sources=tuple(digest(path) for path in sources(model)),
        ),
    )


def fit(net: nn.Module, dataset: DataSet, training: Training, guidance: Guidance | None = None) -> tuple[Epoch, ...]:
    """Trains the net in place and leaves it in evaluation mode; gives every epoch's loss and validation metric.

    BadData when the data are not fit to be trained on, BadInput when an option does not suit them or when the loss
    stops being a number.
    """
    check(dataset)
    check_training(training, dataset)
    task = dataset.about.task
    steps = steps_an_epoch(dataset, training)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    stepping = optimizer(net, training)
    rate = schedule(stepping, training, steps)
    best, said = BestEpoch(task.metric, training.patience), _Saying(training, task.metric)
    losses: list[float] = []
    net.train()
    for batch in track(batches(dataset, training, guidance), steps * training.epochs, said.note):
        losses.append(_step(net, batch, stepping, training, task, guidance))
        if not math.isfinite(losses[-1]):
            raise _not_a_number(losses, training)
        rate.step()
        if len(losses) % steps == 0:
            best.add(Epoch(fmean(losses[-steps:]), score(net, dataset.validation, dataset.about)), net)
            if best.is_over:
                break
            net.train()
        said.hear(losses, best.history)
    net.eval()
    return best.keep(net)


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


def _step(
    net: nn.Module,
    batch: Batch,
    stepping: torch.optim.Optimizer,
    training: Training,
    task: Task,
    guidance: Guidance | None,
) -> float:
    with torch.autocast("cpu", torch.bfloat16, enabled=training.dtype == "bfloat16"):
        outputs = net(_laid_out(batch.x)).float()
    loss = _loss(outputs, batch, batch.y, training, task, guidance)
    if batch.partners is not None:
        other = _loss(outputs, batch, batch.partners, training, task, guidance)
        loss = batch.share * loss + (1 - batch.share) * other
    stepping.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    if training.clip_norm:
        nn.utils.clip_grad_norm_(net.parameters(), training.clip_norm)
    stepping.step()
    return loss.item()


def _loss(
    outputs: torch.Tensor, batch: Batch, y: torch.Tensor, training: Training, task: Task, guidance: Guidance | None
) -> torch.Tensor:
    if guidance is None or batch.teacher is None:
        return task_loss(task, outputs, batch.x, y, training.label_smoothing)
    how = (guidance.temperature, guidance.alpha, training.label_smoothing)
    return guided_loss(task, outputs, batch.teacher, batch.x, y, *how)


@dataclass
class _Saying:
    """What a training says of itself while it runs; the clock is for people and decides nothing."""

    training: Training
    metric: Metric
    losses: list[float] = field(default_factory=list)
    history: list[Epoch] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)

    def hear(self, losses: list[float], history: list[Epoch]) -> None:
        self.losses, self.history = losses, history

    def note(self) -> str:
        said = [f"epoch {min(len(self.history) + 1, self.training.epochs)}/{self.training.epochs}"]
        if self.losses:
            said += [f"loss {self.losses[-1]:.3f}", f"{self.rate:.3g} steps/s"]
        if self.history:
            said.append(f"validation {self.metric.said(self.history[-1].validation)}")
        return ", ".join(said)

    @property
    def rate(self) -> float:
        return len(self.losses) / max(time.monotonic() - self.begun, 1e-9)


def _not_a_number(losses: list[float], training: Training) -> BadInput:
    return BadInput(
        f"training: the loss is {losses[-1]} at step {len(losses)}; "
        f'lower learning_rate ({training.learning_rate}) or choose dtype "float32"'
    )
