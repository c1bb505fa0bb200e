"""Gives a net's layers the widths that its stored tensors have, so that a pruned net reloads without training code."""

from collections.abc import Mapping

import torch
from torch import nn


def resize(net: nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    """Every convolution, dense layer and batch norm takes the shapes of its tensors; values are left to be loaded.

    ValueError names the layer when its tensors have another rank or another kernel than the layer.
    """
    for name, layer in net.named_modules():
        weight = tensors.get(f"{name}.weight")
        if weight is not None and isinstance(layer, nn.Conv2d | nn.Linear | nn.BatchNorm1d | nn.BatchNorm2d):
            _resize(layer, weight, name)


def _resize(layer: nn.Conv2d | nn.Linear | nn.BatchNorm1d | nn.BatchNorm2d, weight: torch.Tensor, name: str) -> None:
    kernel = layer.weight.shape[2:]
    if weight.ndim != layer.weight.ndim or weight.shape[2:] != kernel:
        raise ValueError(f"{name}.weight has shape {tuple(weight.shape)}, the layer's is {tuple(layer.weight.shape)}")
    if isinstance(layer, nn.Conv2d):
        _resize_convolution(layer, weight)
    elif isinstance(layer, nn.Linear):
        layer.out_features, layer.in_features = weight.shape
    else:
        layer.num_features = len(weight)
        layer.running_mean = torch.zeros(len(weight))
        layer.running_var = torch.ones(len(weight))
    layer.weight = nn.Parameter(torch.empty(weight.shape))
    if layer.bias is not None:
        layer.bias = nn.Parameter(torch.empty(len(weight)))


def _resize_convolution(layer: nn.Conv2d, weight: torch.Tensor) -> None:
    """Depthwise layers keep one group a channel, others the number of groups that they have."""
    if layer.groups > 1 and layer.groups == layer.in_channels:
        multiplier = layer.out_channels // layer.in_channels
        layer.groups = len(weight) // multiplier
    layer.out_channels, layer.in_channels = len(weight), weight.shape[1] * layer.groups
