"""[tune] of a recipe: what `edgestill tune` may try."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .distillation.limits import HEAVIEST


@dataclass(frozen=True)
class SearchSpace:
    """The lowest and the highest value of each setting that is searched, on a logarithmic scale but for alpha; an empty
    range leaves a setting as the recipe has it.

    `stage` names the [[stage]] that distils, the last one where it is left out. `weights` gives ranges by a method's
    name; where there are several methods, the others are searched from a tenth of their weight to ten times of it.
    """

    stage: str = ""
    temperature: tuple[float, ...] = (1.0, 20.0)
    alpha: tuple[float, ...] = (0.1, 1.0)
    weights: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check("temperature", self.temperature, 1e-3, 1e3)
        _check("alpha", self.alpha, 0.0, 1.0)
        for name, between in self.weights.items():
            if not isinstance(between, list) or not all(_is_number(end) for end in between):
                raise ValueError(f"weights: {name} is {between!r}; it must be an array of two numbers")
            _check(f"weights: {name}", between, 1e-9, HEAVIEST)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check(name: str, between: Any, lowest: float, highest: float) -> None:
    if len(between) not in (0, 2) or (between and not lowest <= between[0] < between[1] <= highest):
        raise ValueError(
            f"{name} is {list(between)}; it must be a low and a high number within {lowest:g} and {highest:g}, or []"
        )
