"""Maps: what layers give, laid out alike whatever the samples are, and brought to one size."""

import torch
from torch.nn import functional

from ...errors import BadRecipe
from ..method import Lesson, Method

Pair = tuple[torch.Tensor, torch.Tensor]


def map_pairs(method: Method, lesson: Lesson) -> list[Pair]:
    """The features of student and teacher, pair by pair, as maps (n,channels,h,w) of one size; channels may differ.

    BadRecipe for a layer that gives none.
    """
    paths = zip(method.student, method.teacher, strict=True)
    for path, (own, theirs) in zip(paths, method.heard(lesson), strict=True):
        for side, name, values in (("student", path[0], own), ("teacher", path[1], theirs)):
            if values.ndim not in (2, 3, 4):
                raise BadRecipe(
                    f"layer {name!r} of the {side} gives {tuple(values.shape[1:])} a sample; what can be matched is "
                    "(channels, height, width), (positions, width) or (width,): hear another layer"
                )
    return [of_one_size(as_map(own), as_map(theirs)) for own, theirs in method.heard(lesson)]


def as_map(values: torch.Tensor) -> torch.Tensor:
    """Maps (n,channels,h,w) stay; (n,positions,width) is one row of places, (n,width) is one place."""
    if values.ndim == 3:
        return values.transpose(1, 2).unsqueeze(2)
    return values[:, :, None, None] if values.ndim == 2 else values


def of_one_size(own: torch.Tensor, theirs: torch.Tensor) -> Pair:
    """Two maps (n,channels,h,w), the larger of them pooled to the smaller's height, and its width, by means."""
    size = min(own.shape[2], theirs.shape[2]), min(own.shape[3], theirs.shape[3])
    return _pooled(own, size), _pooled(theirs, size)


def _pooled(values: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return values if tuple(values.shape[2:]) == size else functional.adaptive_avg_pool2d(values, size)
