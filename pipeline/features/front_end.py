"""What a front end is, and those there are, by the name that travels in files."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module
from typing import Any, ClassVar, Protocol

from numpy.typing import NDArray

from ..errors import BadInput, choices

NAMES = {
    "log-mel": "mel:LogMel",
    "mfcc": "mel:Mfcc",
    "hashed-words": "hashed_text:HashedWords",
    "hashed-bytes": "hashed_text:HashedBytes",
}


class FrontEnd(Protocol):
    """A frozen dataclass of settings. With its name they say everything that code for a device must know."""

    name: ClassVar[str]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample's features."""
        ...

    def apply(self, raw: Any) -> NDArray[Any]:
        """Features (n, *shape) of raw samples: waveforms (n, samples), or n texts."""
        ...

    def to_json(self) -> dict[str, Any]:
        """The name and the settings; `front_end_from_json` reads them back."""
        ...


def settings(front_end: Any) -> dict[str, Any]:
    """What `FrontEnd.to_json` gives: the name, and every field of the dataclass."""
    return {"name": front_end.name, **asdict(front_end)}


def front_end_from_json(values: Mapping[str, Any] | None) -> FrontEnd | None:
    """The front end that `to_json` wrote, None for None; BadInput when its name or a setting is not one of ours."""
    if values is None:
        return None
    options = dict(values)
    name = options.pop("name", None)
    if name not in NAMES:
        raise BadInput(f"front end: none is named {name!r}; there are {choices(NAMES, name)}")
    module, _, kind = NAMES[name].partition(":")
    try:
        made: FrontEnd = getattr(import_module(f".{module}", __package__), kind)(**options)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise BadInput(f"front end {name!r}: {error}") from error
    return made


def whole(owner: str, **limits: tuple[Any, int, int]) -> None:
    """BadInput unless every (value, least, most) is a whole number within its limits."""
    for name, (value, least, most) in limits.items():
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise BadInput(f"{owner}: {name} is {value!r}; it must be a whole number from {least} to {most}")


def real(owner: str, **values: Any) -> None:
    """BadInput unless every value is a finite number."""
    for name, value in values.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise BadInput(f"{owner}: {name} is {value!r}; it must be a finite number")
