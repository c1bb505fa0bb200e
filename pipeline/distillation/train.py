"""The one training loop: for a teacher, a student from scratch, a distilled student, a pruned one."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
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
from ..task import Metric
from .answers import Answers
from .batches import Batch, batches, steps_an_epoch
from .course import Course, Keeper
from .device import device_of
from .early_stopping import BestEpoch
from .guidance import Guidance
from .objective import Objective
from .optimizer import optimizer, schedule
from .options import Training, check_training
from .repeatable import repeatable
from .taps import Tapped, tapped
from .together import Loss, mean_of_all, shared


def trained(
    model: str,
    options: Mapping[str, Any],
    dataset: DataSet,
    training: Training,
    guidance: Guidance | None = None,
    start: Callable[[nn.Module], None] | None = None,
) -> Checkpoint:
    """A new net, trained: its weights are seeded before it is built; `start` may give it others to begin with."""
    about = dataset.about
    with repeatable(training.seed, training.threads):
        net = build(model, about.preprocess.shape, dataset.outputs, options)
        if start:
            start(net)
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
    device = device_of(training)
    net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    objective = Objective(dataset.about.task, training, guidance)
    first = next(batches(dataset, training, guidance)).to(device)
    with tapped(net, objective.taps, first.x[:1]) as listening:
        objective.prepare(net, listening, first, len(dataset.train))
        objective.to(device)
        history = _fit(net, listening, objective, dataset, training)
    net.eval().cpu()
    return history


def _fit(
    net: nn.Module, listening: Tapped, objective: Objective, dataset: DataSet, training: Training
) -> tuple[Epoch, ...]:
    metric, steps = dataset.about.task.metric, steps_an_epoch(dataset, training)
    stepping = optimizer(net, training, beside=objective)
    rate, best = schedule(stepping, training, steps), BestEpoch(metric, training.patience)
    keeper = Keeper(Course(net, objective, stepping, rate, best), training)
    keeper.go_on()
    behind, total = steps * len(best.history), steps * training.epochs
    said = _Saying(training, metric, history=best.history)
    losses: list[float] = []
    device = device_of(training)
    net.train()
    seen = batches(dataset, training, objective.guidance, training.epochs if best.is_over else len(best.history))
    with shared(Loss(net, objective, listening, training), training) as loss:
        for batch in track(seen, total, said.note, behind):
            step = behind + len(losses)
            losses.append(_step(net, loss, objective, batch.to(device), stepping, training, step / total))
            if not math.isfinite(losses[-1]):
                raise _not_a_number(losses[-1], step + 1, training)
            rate.step()
            if len(losses) % steps == 0:
                best.add(Epoch(fmean(losses[-steps:]), score(net, dataset.validation, dataset.about)), net)
                keeper.keep()
                if best.is_over:
                    break
                net.train()
            said.hear(losses, best.history)
    return best.keep(net)


def score(net: nn.Module, split: Split, about: DataAbout) -> float:
    """The task's metric on a split, computed as for a file; leaves the net in evaluation mode."""
    x = about.preprocess.apply(np.asarray(split.x))
    outputs = channels_last(logits(net, torch.from_numpy(channels_first(x))).float().numpy())
    return about.task.score(about.task.predictions(outputs, x), np.asarray(split.y))


def logits(net: nn.Module, x: torch.Tensor, batch: int = 256) -> torch.Tensor:
    """The net's outputs (n,...) for x (n,c,h,w); leaves the net in evaluation mode."""
    return heard(net, x, (), batch).outputs


def heard(net: nn.Module, x: torch.Tensor, taps: Sequence[str], batch: int = 256) -> Answers:
    """Outputs (n,...) for x (n,c,h,w), and what the layers at these paths gave; leaves the net in evaluation mode."""
    net.eval()
    device = next((values.device for values in net.parameters()), x.device)
    with torch.inference_mode(), tapped(net, taps, x[:1].to(device)) as listening:
        parts = [listening(_laid_out(part.to(device))).each(torch.Tensor.cpu) for part in torch.split(x, batch)]
        features = {path: torch.cat([part.features[path] for part in parts]) for path in parts[0].features}
        return Answers(torch.cat([part.outputs for part in parts]), features)


def _laid_out(x: torch.Tensor) -> torch.Tensor:
    """Images channels last in memory, which is faster; any other samples as they are."""
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


def _step(
    net: nn.Module,
    loss_of: nn.Module,
    objective: Objective,
    batch: Batch,
    stepping: torch.optim.Optimizer,
    training: Training,
    progress: float,
) -> float:
    loss = loss_of(batch, progress)
    stepping.zero_grad()
    loss.backward()
    if training.clip_norm:
        nn.utils.clip_grad_norm_(net.parameters(), training.clip_norm)
    stepping.step()
    objective.after_step(net)
    return mean_of_all(loss)


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


def _not_a_number(loss: float, step: int, training: Training) -> BadInput:
    return BadInput(
        f"training: the loss is {loss} at step {step}; "
        f'lower learning_rate ({training.learning_rate}) or choose dtype "float32"'
    )
