"""Shuffles a teacher's outputs among the samples: a control, for such a teacher knows nothing of any of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind
from ..distillation.limits import at_least


@dataclass(frozen=True, kw_only=True)
class ShuffleOutputs:
    """Every sample gets what the teacher said of another, drawn by `seed`; layers move along, and all views alike.

    Where `data` is named, what is shuffled is what the teacher said of those data.
    """

    seed: int = 0

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {
        "source": ("teacher-outputs",),
        "data": ("dataset",),
    }
    optional: ClassVar[frozenset[str]] = frozenset({"data"})
    gives: ClassVar[Kind] = "teacher-outputs"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ("numpy",)

    def __post_init__(self) -> None:
        at_least(self, seed=0)

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..distillation.shuffled import shuffle_outputs

        shuffle_outputs(inputs["source"].path, self.seed, out)
