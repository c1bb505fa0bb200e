"""What stands between the world and the input tensor: `real = (raw / divisor - mean) / std`, channel by channel."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import BadInput
from .features.front_end import FrontEnd, front_end_from_json


@dataclass(frozen=True)
class Preprocess:
    """From raw samples, channels last, to the float values a model is trained on.

    `shape` is one raw sample, (height, width, channels); `dtype` its type. `mean` and `std` hold one value, or one a
    channel; of one channel, also one a column, such as a band of a spectrum. Samples of dtype int32 are token ids,
    (length,): a model takes them as they are. Where a `front_end` is given, raw samples are the features that it made
    of sound or text. It travels with every artifact.
    """

    shape: tuple[int, ...]
    dtype: str = "uint8"
    divisor: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    front_end: FrontEnd | None = None

    def __post_init__(self) -> None:
        columns = self._columns
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, columns):
                kind = "columns" if columns != self.shape[-1] else "channels"
                raise BadInput(f"preprocess: {name} has {len(values)} values for {columns} {kind}; give 1 or {columns}")
            if not all(map(math.isfinite, values)):
                raise BadInput(f"preprocess: {name} is {values}; its values must be finite numbers")
        if not (math.isfinite(self.divisor) and self.divisor > 0 and min(self.std) > 0):
            raise BadInput(f"preprocess: divisor ({self.divisor}) and std {self.std} must be finite and above 0")

        if self.front_end is not None and self.front_end.shape != self.shape:
            raise BadInput(
                f"preprocess: samples have shape {self.shape}, "
                f"but the front end {self.front_end.name!r} gives {self.front_end.shape}"
            )

    @property
    def _columns(self) -> int:
        """How many means and deviations there can be."""
        return self.shape[-2] if len(self.shape) == 3 and self.shape[-1] == 1 else self.shape[-1]

    @property
    def of_tokens(self) -> bool:
        """Whether samples are token ids, which no arithmetic touches."""
        return self.dtype == "int32"

    def apply(self, raw: NDArray[Any]) -> NDArray[Any]:
        """Raw samples (n, *shape) to float32 of the same shape, channels last; token ids to int32."""
        if raw.shape[1:] != self.shape:
            raise BadInput(f"preprocess: samples have shape {raw.shape[1:]}, expected {self.shape}")
        if self.of_tokens:
            return np.array(raw, np.int32)
        fed = np.array(raw, np.float32)  # many samples are large: each step is done in their place
        fed /= np.float32(self.divisor)
        fed -= self._laid_out(self.mean)
        fed /= self._laid_out(self.std)
        return fed

    def _laid_out(self, values: tuple[float, ...]) -> NDArray[np.float32]:
        """One value, or one a channel or column, so that it broadcasts over samples."""
        found = np.asarray(values, np.float32)
        return found if len(values) in (1, self.shape[-1]) else found[:, None]

    @property
    def zero(self) -> NDArray[np.float32]:
        """The raw values that a model is fed as 0; they broadcast over samples."""
        return self._laid_out(self.mean) * np.float32(self.divisor)

    @property
    def unit(self) -> NDArray[np.float32]:
        """How far apart raw values lie that a model is fed 1 apart; they broadcast over samples."""
        return self._laid_out(self.std) * np.float32(self.divisor)

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
            "front_end": self.front_end.to_json() if self.front_end else None,
        }


@dataclass(frozen=True, eq=False)
class Fed:
    """Raw samples (n, *shape) that become what a model takes as they are read: a slice is an array, and the whole of
    them never is, so that more of them take no more memory."""

    raw: NDArray[Any]
    preprocess: Preprocess

    @property
    def shape(self) -> tuple[int, ...]:
        return self.raw.shape

    def __len__(self) -> int:
        return len(self.raw)

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        return self.preprocess.apply(self.raw[rows])


def preprocess_from_json(values: Mapping[str, Any]) -> Preprocess:
    """The preprocess that `Preprocess.to_json` wrote."""
    return Preprocess(
        shape=tuple(values["shape"]),
        dtype=values["dtype"],
        divisor=values["divisor"],
        mean=tuple(values["mean"]),
        std=tuple(values["std"]),
        front_end=front_end_from_json(values["front_end"]),
    )


def channels_first(samples: NDArray[Any]) -> NDArray[Any]:
    """(n, h, w, c) to (n, c, h, w); samples of any other rank stay as they are."""
    return np.ascontiguousarray(samples.transpose(0, 3, 1, 2)) if samples.ndim == 4 else samples


def channels_last(samples: NDArray[Any]) -> NDArray[Any]:
    """(n, c, h, w) to (n, h, w, c); samples of any other rank stay as they are."""
    return np.ascontiguousarray(samples.transpose(0, 2, 3, 1)) if samples.ndim == 4 else samples
