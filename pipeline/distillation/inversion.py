"""Inputs made from a teacher alone: noise, changed until the teacher is sure and its layers meet what they know."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from ..data.dataset import About, DataSet, Source, Split
from ..data.splits import CALIBRATION, some
from ..errors import BadInput
from ..models.checkpoint import Checkpoint
from ..preprocess import Preprocess, channels_first, channels_last
from ..progress import track
from .inverting import OF_TOKENS, Inverting
from .repeatable import repeatable

HELD_OUT = 10  # as many generated inputs as a tenth of train's are held out for validation, and for test
COARSE = 4  # images begin as noise of so many times fewer pixels a side


def inverted(teacher: Checkpoint, how: Inverting, digest: str) -> DataSet:
    """A data set of generated inputs, raw as real ones would be, labelled with the classes that were asked for.

    DeepInversion (Yin et al. 2020, "Dreaming to Distill", equations 2 to 4) without its competition with a student.
    `digest` tells the teacher's file. Nothing else is read: no sample and no label. BadInput where it cannot be done.
    """
    about = teacher.about
    check_invertible(teacher, how)
    classes, held = about.outputs, max(about.outputs, how.count // HELD_OUT)
    y = np.arange(how.count + 2 * held) % classes
    with repeatable(how.draw, how.threads):
        x = np.concatenate(list(_made(teacher, y, how)))
    whole = Split(x, y.astype(np.int64))
    train, validation, test = (whole.take(rows) for rows in np.split(np.arange(len(y)), [how.count, how.count + held]))
    source = Source("", "", "generated from the teacher alone", digest, "that of the teacher")
    known = About("generated", how.draw, source, about.task, about.preprocess, {"teacher": digest}, how.count)
    return DataSet(known, train, some(train, CALIBRATION, how.draw), validation, test)


def check_invertible(teacher: Checkpoint, how: Inverting) -> None:
    """BadInput for a teacher that does not classify, that reads token ids, or that keeps no statistics; and for fewer
    inputs than it has classes."""
    about = teacher.about
    if about.task.kind != "classify":
        raise BadInput(
            f'inputs are made for classes, but the teacher is there to {about.task.kind}; name "unlabelled" '
            "inputs under [data] instead"
        )
    if about.preprocess.of_tokens:
        raise BadInput(OF_TOKENS)
    if how.count < about.outputs:
        raise BadInput(f"count is {how.count}, but there are {about.outputs} classes; each needs an input")
    if how.statistics and how.steps and not _norms(teacher.net):
        raise BadInput(
            f"the teacher {about.model!r} has no batch norm, so nothing in it tells what its layers met in "
            "training; name a teacher that has, or write statistics = 0 to go by its confidence alone, which teaches "
            "far less"
        )


def _made(teacher: Checkpoint, y: NDArray[np.int64], how: Inverting) -> Iterator[NDArray[np.generic]]:
    """Raw inputs (b,h,w,c) for these classes, batch after batch."""
    wanted = torch.from_numpy(y).split(how.at_once)  # type: ignore[no-untyped-call]
    steps = track(range(len(wanted) * max(1, how.steps)), len(wanted) * max(1, how.steps))
    noise = torch.Generator().manual_seed(how.draw)
    for classes in wanted:
        x = _optimized(teacher, classes, how, noise, steps)
        yield raw(channels_last(x.numpy()), teacher.about.preprocess)


def _optimized(
    teacher: Checkpoint, y: torch.Tensor, how: Inverting, noise: torch.Generator, steps: Iterator[int]
) -> torch.Tensor:
    """Inputs as the net is fed them (b,c,h,w), of which the teacher says y (b,)."""
    preprocess = teacher.about.preprocess
    least, most = (torch.from_numpy(channels_first(edge[None])) for edge in bounds(preprocess, how.limit))
    images = is_image(preprocess)
    x = _noise((len(y), *least.shape[1:]), images, noise).clamp(least, most).requires_grad_()
    stepping = torch.optim.Adam([x], how.rate, betas=(0.5, 0.9))
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(stepping, max(1, how.steps))
    teacher.net.eval().requires_grad_(False)
    with listening_norms(teacher.net) as met:
        for _ in range(how.steps):
            met.clear()
            moved = _jittered(x, how.jitter, noise) if images else x
            loss = functional.cross_entropy(teacher.net(moved).float(), y)
            loss = loss + how.statistics * off_statistics(met) if met and how.statistics else loss
            loss = loss + how.variation * total_variation(x) if images else loss
            if not torch.isfinite(loss):
                raise BadInput(f"the loss is {loss.item()} while inputs are made; lower rate, statistics or variation")
            stepping.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            stepping.step()
            rate.step()
            with torch.no_grad():
                x.clamp_(least, most)
            next(steps, None)
    if not how.steps:
        next(steps, None)
    return x.detach()


def off_statistics(met: dict[nn.Module, torch.Tensor]) -> torch.Tensor:
    """How far mean and variance of what batch norms met (n,c,...) are from those of training: the mean over layers of
    the lengths of both differences (Yin et al. 2020, equation 4). 0 where they are the same."""
    found = []
    for norm, values in met.items():
        axes = [axis for axis in range(values.ndim) if axis != 1]
        variance, mean = torch.var_mean(values, axes, correction=0)
        found += [_length(mean - norm.running_mean), _length(variance - norm.running_var)]  # type: ignore[operator]
    return 2 * torch.stack(found).mean()


def total_variation(x: torch.Tensor) -> torch.Tensor:
    """The mean squared difference of neighbours along both sides of images (n,c,h,w); nothing for a side of one."""
    sides = [x.diff(dim=side).square().mean() for side in (2, 3) if x.shape[side] > 1]
    return torch.stack(sides).sum() if sides else x.new_zeros(())


@contextmanager
def listening_norms(net: nn.Module) -> Iterator[dict[nn.Module, torch.Tensor]]:
    """Inside the block, what the net's batch norms were given last, by layer."""
    met: dict[nn.Module, torch.Tensor] = {}

    def hear(norm: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        met[norm] = inputs[0].float()

    hooks = [norm.register_forward_pre_hook(hear) for norm in _norms(net)]
    try:
        yield met
    finally:
        for hook in hooks:
            hook.remove()


def bounds(preprocess: Preprocess, limit: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The least and the greatest value (*shape) that a net may be fed: those of bytes, else `limit` deviations."""
    edges: list[NDArray[Any]] = [np.array([-limit]), np.array([limit])]
    if is_image(preprocess):
        edges = [(np.float32(byte) - preprocess.zero) / preprocess.unit for byte in (0, 255)]
    least, most = (np.array(np.broadcast_to(edge, preprocess.shape), np.float32) for edge in edges)
    return least, most


def raw(fed: NDArray[np.float32], preprocess: Preprocess) -> NDArray[np.generic]:
    """What a net is fed as (n, *shape), as it is before the preprocess and of that type; whole numbers are rounded."""
    values = fed * preprocess.unit + preprocess.zero
    kind = np.dtype(preprocess.dtype)
    if kind.kind in "iu":
        values = np.rint(values).clip(np.iinfo(kind).min, np.iinfo(kind).max)
    return values.astype(kind)


def is_image(preprocess: Preprocess) -> bool:
    """Whether samples are bytes in rows and columns, to which neighbours and small moves mean something."""
    return preprocess.dtype == "uint8" and len(preprocess.shape) == 3


def _norms(net: nn.Module) -> list[nn.Module]:
    """The batch norms that remember mean and variance."""
    norms = [layer for layer in net.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    return [norm for norm in norms if norm.running_mean is not None]


def _length(difference: torch.Tensor) -> torch.Tensor:
    """The Euclidean length; its gradient is 0 where the length is."""
    squared = difference.square().sum()
    return torch.where(squared > 0, squared.clamp_min(1e-24).sqrt(), squared)


def _noise(shape: tuple[int, ...], images: bool, noise: torch.Generator) -> torch.Tensor:
    """Normal noise; of images in coarse spots, which leave no speckles behind."""
    if not images:
        return torch.randn(shape, generator=noise)
    sides = [-(-side // COARSE) for side in shape[2:]]
    spots = torch.randn((*shape[:2], *sides), generator=noise)
    return functional.interpolate(spots, shape[2:], mode="bicubic", align_corners=False)


def _jittered(x: torch.Tensor, most: int, noise: torch.Generator) -> torch.Tensor:
    """All images moved alike by up to so many pixels; what leaves on one side comes in on the other."""
    down, right = torch.randint(-most, most + 1, (2,), generator=noise).tolist()
    return torch.roll(x, (down, right), (2, 3))
