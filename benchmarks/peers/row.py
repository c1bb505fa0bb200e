"""What is kept of a comparison: a row a file, with the seconds of every round."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .judge import Judged

OURS = "edgestill"


@dataclass(frozen=True)
class Row:
    """One file of one contender, or why there is none.

    Seconds are those of each round, from the torch module to all of the contender's files; from ONNX, those of the part
    behind the export, where the contender tells.
    """

    net: str
    contender: str
    configuration: str
    format: str
    seconds: tuple[float, ...]
    from_onnx_seconds: tuple[float, ...]
    judged: Judged | None
    error: str = ""

    @property
    def ours(self) -> bool:
        return self.contender == OURS


def row_of(stored: Mapping[str, Any]) -> Row:
    """The row that `dataclasses.asdict` made this of."""
    lists = {name: tuple(stored[name]) for name in ("seconds", "from_onnx_seconds")}
    judged = None if stored["judged"] is None else Judged(**stored["judged"])
    return Row(**{**stored, **lists, "judged": judged})
