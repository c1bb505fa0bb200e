"""Training in several processes: each runs the net on its share of a batch, and all find the loss of the whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import distributed, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.modules.batchnorm import _BatchNorm

from ..errors import BadInput
from ..ranks import world
from .answers import Answers
from .balance import EqualPull
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
        self.parts = 1  # of a batch, each of which is one process's

    def forward(self, batch: Batch, progress: float) -> torch.Tensor:
        """A scalar, the same in every process. Images lie channels last in memory, which is faster."""
        x = _share_of(batch.x, self.parts)
        x = x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self._training.dtype == "bfloat16"):
            student: Answers = self._listening(x)
        found: torch.Tensor = self.objective(student.each(partial(_of_all, parts=self.parts)), batch, progress)
        return found


@contextmanager
def shared(loss: Loss, training: Training) -> Iterator[nn.Module]:
    """The loss as all processes have it: gradients are means over them, the net's batch norms see the whole batch.

    Through torch's DistributedDataParallel (Li et al. 2020). Alone, the loss itself. BadInput when a batch cannot be
    parted equally, or when losses are balanced by their gradients, where no process sees all of the net.
    """
    if world() == 1:
        yield loss
        return
    if isinstance(loss.objective.balance, EqualPull):
        raise BadInput(
            'training: balance = "gradient" is for one process, for it magnifies rounding; choose another balance, '
            "or train without torchrun"
        )
    if training.batch % world():
        raise BadInput(f"training: batch is {training.batch}, which {world()} processes cannot share; take a multiple")
    norms = [layer for layer in loss.net.modules() if isinstance(layer, _BatchNorm)]
    for layer in norms:
        layer.forward = partial(_normalized, layer)  # type: ignore[method-assign]
    loss.parts = world()
    try:
        yield nn.parallel.DistributedDataParallel(loss, find_unused_parameters=True, broadcast_buffers=False)
    finally:
        loss.parts = 1
        for layer in norms:
            del layer.forward


def _share_of(values: torch.Tensor, parts: int) -> torch.Tensor:
    """This process's part of a batch (n,...); all of it where there is one part."""
    if parts == 1:
        return values
    size = len(values) // parts
    return values[distributed.get_rank() * size :][:size]


def _of_all(values: torch.Tensor, parts: int) -> torch.Tensor:
    """What all processes have (n,...) of their parts; the gradient goes into this process's own.

    As each of them takes the gradient of the same loss, but of its part alone, and the mean over all is the step, that
    gradient is as many times as large as there are processes.
    """
    if parts == 1:
        return values
    each = [torch.empty_like(values, memory_format=torch.contiguous_format) for _ in range(parts)]
    distributed.all_gather(each, values.detach().contiguous())
    each[distributed.get_rank()] = _Times.apply(values, parts)  # type: ignore[no-untyped-call]
    return torch.cat(each)


class _Times(torch.autograd.Function):
    """The same values; the gradient so many times as large."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, times: int) -> torch.Tensor:
        ctx.times = times
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        return ctx.times * gradients[0], None


def mean_of_all(loss: torch.Tensor) -> float:
    """The loss as all processes have it, to the last bit."""
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
