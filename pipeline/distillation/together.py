"""Training in several processes: each takes its share of every batch, and all take the same step."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch import distributed, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.modules.batchnorm import _BatchNorm

from ..errors import BadInput
from ..ranks import world
from .answers import Answers
from .batches import Batch
from .objective import Objective
from .options import Training
from .taps import Tapped


class Loss(nn.Module):
    """Net and objective as one module, whose forward is the loss of a batch: what a step is taken down."""

    def __init__(self, net: nn.Module, objective: Objective, listening: Tapped, training: Training) -> None:
        super().__init__()
        self.net, self.objective = net, objective
        self._listening, self._training = listening, training

    def forward(self, batch: Batch, progress: float) -> torch.Tensor:
        """A scalar. Images lie channels last in memory, which is faster."""
        x = batch.x.contiguous(memory_format=torch.channels_last) if batch.x.ndim == 4 else batch.x
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self._training.dtype == "bfloat16"):
            student: Answers = self._listening(x)
        found: torch.Tensor = self.objective(student, batch, progress)
        return found


@contextmanager
def shared(loss: Loss, training: Training) -> Iterator[nn.Module]:
    """The loss as all processes have it: gradients are means over all of them, batch norms see the global batch.

    Through torch's DistributedDataParallel (Li et al. 2020). Alone, the loss itself. BadInput when a batch cannot be
    parted equally.
    """
    if world() == 1:
        yield loss
        return
    if training.batch % world():
        raise BadInput(f"training: batch is {training.batch}, which {world()} processes cannot share; take a multiple")
    norms = [layer for layer in loss.modules() if isinstance(layer, _BatchNorm)]
    for layer in norms:
        layer.forward = partial(_normalized, layer)  # type: ignore[method-assign]
    try:
        yield nn.parallel.DistributedDataParallel(loss, find_unused_parameters=True, broadcast_buffers=False)
    finally:
        for layer in norms:
            del layer.forward


def share_of(batch: Batch) -> Batch:
    """This process's part of a batch; all of it where there is one process."""
    if world() == 1:
        return batch
    size = len(batch.y) // world()
    start = distributed.get_rank() * size

    def part(values: torch.Tensor) -> torch.Tensor:
        return values[start : start + size]

    partners = None if batch.partners is None else part(batch.partners)
    teachers: Sequence[Answers] = [teacher.each(part) for teacher in batch.teachers]
    x, y, rows = part(batch.x), part(batch.y), part(batch.rows)
    return dataclasses.replace(batch, x=x, y=y, rows=rows, teachers=teachers, partners=partners)


def mean_of_all(loss: torch.Tensor) -> float:
    """The loss over the global batch."""
    found = loss.detach().clone()
    if world() > 1:
        distributed.all_reduce(found)
        found /= world()
    return found.item()


def _normalized(layer: _BatchNorm, x: torch.Tensor) -> torch.Tensor:
    """What a batch norm gives when the batch is that of all processes, in equal parts (Ioffe, Szegedy 2015)."""
    if not layer.training:
        given: torch.Tensor = type(layer).forward(layer, x)
        return given
    axes = [axis for axis in range(x.ndim) if axis != 1]
    shape = [-1 if axis == 1 else 1 for axis in range(x.ndim)]
    mean = _mean_of_all(x.mean(axes))
    centred = x - mean.view(shape)
    variance = _mean_of_all(centred.square().mean(axes))
    _follow(layer, mean, variance, world() * x.numel() // x.shape[1])
    found = centred * torch.rsqrt(variance + layer.eps).view(shape)
    return found * layer.weight.view(shape) + layer.bias.view(shape) if layer.affine else found


def _mean_of_all(values: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = all_reduce(values) / world()  # type: ignore[no-untyped-call]
    return found


def _follow(layer: _BatchNorm, mean: torch.Tensor, variance: torch.Tensor, count: int) -> None:
    """The running statistics, as torch keeps them: the variance without bias."""
    if layer.running_mean is None or layer.running_var is None:
        return
    with torch.no_grad():
        if layer.num_batches_tracked is not None:
            layer.num_batches_tracked += 1
        share = layer.momentum if layer.momentum is not None else 1 / float(layer.num_batches_tracked or 1)
        layer.running_mean.lerp_(mean, share)
        layer.running_var.lerp_(variance * count / max(count - 1, 1), share)
