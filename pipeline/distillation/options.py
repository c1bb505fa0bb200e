"""The options of a training, checked when they are written down; torch is not needed to know them."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Training:
    """AdamW under a one-cycle rate for `epochs` times the training set, `batch` samples a step.

    `learning_rate` is the cycle's highest. Epoch e sees view e modulo `views`: copies of the training set moved by up
    to `shift` pixels, the first of them not moved. Threads and dtype are part of what is trained, never probed.
    """

    epochs: int = 20
    batch: int = 64
    learning_rate: float = 0.01
    weight_decay: float = 0.01
    views: int = 8
    shift: int = 2
    seed: int = 0
    threads: int = 1
    dtype: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        at_least(self, epochs=1, batch=2, views=1, shift=0, seed=0, threads=1, weight_decay=0)
        at_most(self, epochs=100_000, views=1024, shift=64, threads=256)
        above_zero(self, "learning_rate")


def at_least(options: object, **limits: int) -> None:
    """ValueError when an option is below its limit."""
    for name, limit in limits.items():
        value = getattr(options, name)
        if not value >= limit:
            raise ValueError(f"{name} is {value}; it must be at least {limit}")


def at_most(options: object, **limits: int) -> None:
    """ValueError when an option is above its limit."""
    for name, limit in limits.items():
        value = getattr(options, name)
        if not value <= limit:
            raise ValueError(f"{name} is {value}; it must be at most {limit}")


def above_zero(options: object, *names: str) -> None:
    """ValueError when one of these options is 0 or less."""
    for name in names:
        value = getattr(options, name)
        if not value > 0:
            raise ValueError(f"{name} is {value}; it must be above 0")


def check_guidance(options: object) -> None:
    """ValueError unless the temperature is above 0 and alpha, the teacher's share of the loss, from 0 to 1."""
    above_zero(options, "temperature")
    alpha = getattr(options, "alpha")  # noqa: B009
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is {alpha}; it is the teacher's share of the loss, from 0 to 1")
