"""A net's channels: which of them hang together, and how a net is left with its strongest."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch_pruning
from torch import nn

from ..errors import BadModel


def keep_strongest(
    net: nn.Module, example: torch.Tensor, spared: Sequence[nn.Module], kept: Callable[[str, int], int]
) -> int:
    """Leaves in place `kept(path, channels)` of every layer's channels, and those of `spared` as they are; gives how
    many went.

    Layers that must keep the same channels (a depthwise behind its pointwise, both sides of an addition) lose them
    together: those of the smallest norm over all their weights (group magnitude, Fang et al. 2023, DepGraph). The path
    is that of the layer that a group starts with; the net stays in evaluation mode.
    """
    net.eval()
    graph = torch_pruning.DependencyGraph().build_dependency(net, example)
    names = {layer: name for name, layer in net.named_modules()}
    groups = graph.get_all_groups(list(spared), [nn.Conv2d, nn.Linear])
    weak = [(group[0].dep, _weakest(group, names[group[0].dep.target.module], kept)) for group in groups]
    for root, channels in weak:
        if channels:
            graph.get_pruning_group(root.target.module, root.handler, channels).prune()
    net(example)  # it still computes
    return sum(len(channels) for _, channels in weak)


def refuse_tables(net: nn.Module, what: str) -> None:
    """BadModel for a net of token ids: nothing of its tables, attention and norms is a channel of a convolution."""
    refused = (nn.Embedding, nn.LayerNorm, nn.MultiheadAttention)
    found = [name for name, layer in net.named_modules() if isinstance(layer, refused)]
    if found:
        raise BadModel(
            f"{what}: layer {found[0]} is of a kind that channels are not removed around; "
            "channels are removed from nets of convolutions and dense layers"
        )


def example_of(shape: tuple[int, ...]) -> torch.Tensor:
    """One empty sample of shape (h,w,c) or (values,) as a net is fed it."""
    return torch.zeros(1, shape[-1], *shape[:-1])


def _weakest(group: Any, name: str, kept: Callable[[str, int], int]) -> list[int]:
    scores = torch_pruning.importance.GroupMagnitudeImportance(p=2)(group)
    surplus = len(scores) - kept(name, len(scores))
    weakest: list[int] = torch.argsort(scores, stable=True)[:surplus].sort().values.tolist()
    return weakest
