"""Structured pruning: the weakest channels are removed for good, then the net is trained on."""

import dataclasses
from typing import Any

import torch
import torch_pruning
from torch import nn

from ..data.dataset import DataSet
from ..distillation.guidance import Guidance
from ..distillation.options import Training
from ..distillation.repeatable import repeatable
from ..distillation.taps import output_layer
from ..distillation.train import fit
from ..errors import BadInput, BadModel, EdgestillError
from ..models.checkpoint import Checkpoint


def pruned(
    checkpoint: Checkpoint, dataset: DataSet, training: Training, ratio: float, round_to: int, guidance: Guidance | None
) -> Checkpoint:
    """The checkpoint's net without `ratio` of its channels, trained on with the teacher's outputs if there are any."""
    with repeatable(training.seed, training.threads):
        try:
            remove_channels(checkpoint.net, checkpoint.about.preprocess.shape, ratio, round_to)
        except EdgestillError:
            raise
        except Exception as error:  # a net of the user's own may hold sizes that do not follow its channels
            raise BadModel(f"model {checkpoint.about.model!r}: its channels cannot be removed: {error}") from error
        history = fit(checkpoint.net, dataset, training, guidance)
    return Checkpoint(checkpoint.net, dataclasses.replace(checkpoint.about, seed=training.seed, history=history))


def remove_channels(net: nn.Module, shape: tuple[int, ...], ratio: float, round_to: int) -> None:
    """Removes in place about `ratio` of every layer's channels; what stays is a multiple of `round_to`.

    Layers that must keep the same channels (a depthwise behind its pointwise, both sides of an addition) lose them
    together: those of the smallest norm over all their weights (group magnitude, Fang et al. 2023, DepGraph). The layer
    that gives the outputs keeps its own. BadInput names the layer that would be left without channels.
    """
    refuse_tables(net)
    example = torch.zeros(1, shape[-1], *shape[:-1])
    net.eval()
    graph = torch_pruning.DependencyGraph().build_dependency(net, example)
    names = {layer: name for name, layer in net.named_modules()}
    groups = graph.get_all_groups([output_layer(net, example)], [nn.Conv2d, nn.Linear])
    weak = [(group[0].dep, _weakest(group, ratio, round_to, names[group[0].dep.target.module])) for group in groups]
    if not any(channels for _, channels in weak):
        raise BadInput(
            f"pruning: ratio {ratio} removes nothing where channels come in multiples of {round_to}; "
            "raise ratio or lower round_to"
        )
    for root, channels in weak:
        if channels:
            graph.get_pruning_group(root.target.module, root.handler, channels).prune()
    net(example)  # it still computes


def refuse_tables(net: nn.Module) -> None:
    """BadModel for a net of token ids: nothing of its tables, attention and norms is a channel of a convolution."""
    refused = (nn.Embedding, nn.LayerNorm, nn.MultiheadAttention)
    found = [name for name, layer in net.named_modules() if isinstance(layer, refused)]
    if found:
        raise BadModel(
            f"pruning: layer {found[0]} is of a kind that channels are not removed around; "
            "channels are removed from nets of convolutions and dense layers"
        )


def _weakest(group: Any, ratio: float, round_to: int, name: str) -> list[int]:
    scores = torch_pruning.importance.GroupMagnitudeImportance(p=2)(group)
    surplus = len(scores) - kept(len(scores), ratio, round_to, name)
    weakest: list[int] = torch.argsort(scores, stable=True)[:surplus].sort().values.tolist()
    return weakest


def kept(channels: int, ratio: float, round_to: int, name: str) -> int:
    """How many of a layer's channels stay: the multiple of `round_to` nearest to its share, at most all of them."""
    keep = min(channels, round_to * int((1 - ratio) * channels / round_to + 0.5))
    if not keep:
        raise BadInput(
            f"pruning: ratio {ratio} leaves layer {name} none of its {channels} channels in multiples of {round_to}; "
            "lower ratio or round_to"
        )
    return keep
