"""Pairs of layers, compared by what is made of each."""

from collections.abc import Callable, Iterable

import torch


def compared(
    distance: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    seen: Callable[[torch.Tensor], torch.Tensor],
    pairs: Iterable[tuple[torch.Tensor, torch.Tensor]],
) -> torch.Tensor:
    """The sum over the pairs of the distance, a scalar, between what is `seen` of the student's and the teacher's."""
    return torch.stack([distance(seen(own), seen(theirs)) for own, theirs in pairs]).sum()
