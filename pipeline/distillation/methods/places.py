"""What a layer says of a sample as a whole, wherever in it."""

import torch


def mean_over_places(values: torch.Tensor) -> torch.Tensor:
    """Features (n,channels): the mean over height and width of (n,channels,h,w), over positions of (n,length,width)."""
    if values.ndim == 4:
        return values.mean(dim=(2, 3))
    return values.mean(dim=1) if values.ndim == 3 else values
