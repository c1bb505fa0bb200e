"""What stands between the world and the input tensor: `real = (raw / divisor - mean) / std`, channel by channel."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import BadInput


@dataclass(frozen=True)
class Preprocess:
    """From raw samples, channels last, to the float values a model is trained on.

    `shape` is one raw sample, (height, width, channels); `dtype` its type. `mean` and `std` hold one value, or one a
    channel. Samples of dtype int32 are token ids, (length,): a model takes them as they are. `front_end` names a
    feature extractor that ran before (empty: none). It travels with every artifact.
    """

    shape: tuple[int, ...]
    dtype: str = "uint8"
    divisor: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    front_end: str = ""

    def __post_init__(self) -> None:
        channels = self.shape[-1]
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, channels):
                raise BadInput(
                    f"preprocess: {name} has {len(values)} values for {channels} channels; give 1 or {channels}"
                )
            if not all(map(math.isfinite, values)):
                raise BadInput(f"preprocess: {name} is {values}; its values must be finite numbers")
        if not (math.isfinite(self.divisor) and self.divisor > 0 and min(self.std) > 0):
            raise BadInput(f"preprocess: divisor ({self.divisor}) and std {self.std} must be finite and above 0")

    @property
    def of_tokens(self) -> bool:
        """Whether samples are token ids, which no arithmetic touches."""
        return self.dtype == "int32"

    def apply(self, raw: NDArray[Any]) -> NDArray[Any]:
        """Raw samples (n, *shape) to float32 of the same shape, channels last; token ids to int32."""
        if raw.shape[1:] != self.shape:
            raise BadInput(f"preprocess: samples have shape {raw.shape[1:]}, expected {self.shape}")
        if self.of_tokens:
            return np.asarray(raw, np.int32)
        scaled = raw.astype(np.float32) / np.float32(self.divisor)
        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        return np.asarray((scaled - mean) / std, np.float32)

    @property
    def range(self) -> tuple[float, float] | None:
        """What raw values from 0 to `divisor` become, the least and the greatest; None where raw values are not bytes.

        A quantizer that takes it as the input's range makes one step of a byte one step of the model's integers where
        `divisor` is 255 and all channels share mean and std; else the range covers every channel, in other steps.
        """
        if self.dtype != "uint8":
            return None
        mean, std = np.asarray(self.mean), np.asarray(self.std)
        return float(np.min(-mean / std)), float(np.max((1 - mean) / std))

    def to_json(self) -> dict[str, Any]:
        return {
            "shape": list(self.shape),
            "dtype": self.dtype,
            "divisor": self.divisor,
            "mean": list(self.mean),
            "std": list(self.std),
            "front_end": self.front_end,
        }


def preprocess_from_json(values: Mapping[str, Any]) -> Preprocess:
    """The preprocess that `Preprocess.to_json` wrote."""
    return Preprocess(
        shape=tuple(values["shape"]),
        dtype=values["dtype"],
        divisor=values["divisor"],
        mean=tuple(values["mean"]),
        std=tuple(values["std"]),
        front_end=values["front_end"],
    )


def channels_first(samples: NDArray[Any]) -> NDArray[Any]:
    """(n, h, w, c) to (n, c, h, w); samples of any other rank stay as they are."""
    return np.ascontiguousarray(samples.transpose(0, 3, 1, 2)) if samples.ndim == 4 else samples
