"""Directions: vectors without their lengths."""

import torch

LEAST = 1e-12  # of a length: a shorter vector points nowhere


def directions(values: torch.Tensor) -> torch.Tensor:
    """Vectors along the last axis, made 1 long. One without a length becomes zero, and no gradient reaches it:
    torch's own `normalize` would send a layer that is silent on a sample one some 1e12 times too large."""
    lengths = torch.linalg.vector_norm(values, dim=-1, keepdim=True)
    some = lengths > LEAST
    return torch.where(some, values / torch.where(some, lengths, 1.0), 0.0)
