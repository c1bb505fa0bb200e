"""How a teacher is fed where it is fed otherwise than its student: real = (raw / divisor - mean) / std."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import BadInput, choices
from ..preprocess import Preprocess

UNTOUCHED: Mapping[str, Any] = {"divisor": 1.0, "mean": [0.0], "std": [1.0]}


def check_scaling(scaling: Mapping[str, Any]) -> None:
    """BadInput when a recipe's `scaling` cannot be one, whatever the samples are."""
    listed = [len(values) for values in scaling.values() if isinstance(values, list | tuple)]
    scaled(Preprocess((1, 1, max(listed, default=1))), scaling)


def scaled(preprocess: Preprocess, scaling: Mapping[str, Any]) -> Preprocess:
    """The preprocess with another divisor, mean and std; those not named are 1, 0 and 1. BadInput when they are bad."""
    unknown = [key for key in scaling if key not in UNTOUCHED]
    if unknown:
        raise BadInput(f"scaling: no key is named {unknown[0]!r}; there are {choices(UNTOUCHED, unknown[0])}")
    values = {**UNTOUCHED, **scaling}
    try:
        mean, std = (tuple(map(float, values[key])) for key in ("mean", "std"))
        return replace(preprocess, divisor=float(values["divisor"]), mean=mean, std=std)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInput(f"scaling: {error}; write scaling = {{ divisor = 255.0, mean = [0.5], std = [0.5] }}") from error
