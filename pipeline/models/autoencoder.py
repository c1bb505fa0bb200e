"""A dense autoencoder: what it cannot say again in a short code is not normal (MLPerf Tiny's anomaly detection)."""

import math
from collections import OrderedDict

import torch
from torch import nn


class Flat(nn.Module):
    """(n,c,h,w) -> (n,values) channels last; (n,values) as they are."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Channels last, for so a reconstruction is compared with its sample."""
        return (x.permute(0, 2, 3, 1) if x.ndim == 4 else x).flatten(1)


def dense_autoencoder(
    shape: tuple[int, ...], outputs: int, width: int = 128, depth: int = 4, code: int = 8
) -> nn.Module:
    """x of `shape`, (h,w,c) or (values,) -> its reconstruction (n,outputs): `depth` dense layers of `width` on both
    sides of a layer of `code` values; batch norm and ReLU behind every layer but the last. The defaults are MLPerf
    Tiny's (Banbury et al. 2021, after Koizumi et al. 2020, DCASE 2020 task 2)."""
    sizes = [math.prod(shape), *[width] * depth, code, *[width] * depth]
    layers = [dense(before, after) for before, after in zip(sizes, sizes[1:], strict=False)]
    return nn.Sequential(OrderedDict(flat=Flat(), hidden=nn.Sequential(*layers), output=nn.Linear(sizes[-1], outputs)))


def dense(before: int, after: int) -> nn.Sequential:
    """A dense layer with batch norm and ReLU."""
    return nn.Sequential(
        OrderedDict(dense=nn.Linear(before, after, bias=False), norm=nn.BatchNorm1d(after), act=nn.ReLU())
    )
