"""What the code of a package is to spare, where speed and flash are at odds."""

from dataclasses import dataclass
from typing import Literal, get_args

from ..errors import BadInput, choices

Preference = Literal["balanced", "speed", "flash"]
PREFERENCES: tuple[Preference, ...] = get_args(Preference)


@dataclass(frozen=True)
class CodeOptions:
    """`prefer` speed: weights of 16 bits and long runs of code; flash: short loops, fewer constants, -Os with gcc.

    The integers are the same with each.
    """

    prefer: Preference = "balanced"

    def __post_init__(self) -> None:
        if self.prefer not in PREFERENCES:
            raise BadInput(f"prefer: there is no {self.prefer!r}; choose among {choices(PREFERENCES, self.prefer)}")

    @property
    def wide_weights(self) -> bool:
        """Whether weights of matrix products are kept as 16 bits."""
        return self.prefer == "speed"


BALANCED = CodeOptions()
