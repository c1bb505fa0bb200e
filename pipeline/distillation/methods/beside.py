"""What learns beside a student: a gradient of its own that the student's loss does not count, and a net of its kind."""

import torch
from torch import nn

from ..taps import silent_copy


def aside(loss: torch.Tensor) -> torch.Tensor:
    """Zero with the gradient of `loss`: what learns beside the student is no part of how well the student does."""
    return loss - loss.detach()


def fresh(net: nn.Module, seed: int) -> nn.Module:
    """A net of the same shape, in training mode, that has learned nothing: an own draw of an untrained net's weights.

    Each tensor's values change places, zeros (of biases, of the vector for padding) stay: so it is drawn as the net's
    own factory draws, however that is. Frozen tensors are kept; batch norms forget what they counted.
    """
    copied = silent_copy(net).train()
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for values in copied.parameters():
            if values.requires_grad:
                drawn = values[values != 0]
                values[values != 0] = drawn[torch.randperm(len(drawn), generator=random).to(drawn.device)]
    for layer in copied.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.reset_running_stats()
    return copied
