"""Removes channels from a net and trains it on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind
from ..distillation.guiding import TEACHERS, Guiding, teacher_folders
from ..distillation.limits import at_least
from ..distillation.options import Training


@dataclass(frozen=True, kw_only=True)
class Prune(Training, Guiding):
    """The net without `ratio` of its channels, which then come in multiples of `round_to`; a teacher may help."""

    ratio: float = 0.3
    round_to: int = 8

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {
        "source": ("checkpoint",),
        "data": ("dataset",),
        **TEACHERS,
    }
    optional: ClassVar[frozenset[str]] = frozenset(TEACHERS)
    gives: ClassVar[Kind] = "checkpoint"
    version: ClassVar[int] = 4
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "safetensors", "torch", "torch-pruning")

    def __post_init__(self) -> None:
        Training.__post_init__(self)
        Guiding.__post_init__(self)
        at_least(self, round_to=1)
        if not 0 < self.ratio < 1:
            raise ValueError(f"ratio is {self.ratio}; it is the share of channels to remove, above 0 and below 1")

    def sources(self) -> Iterable[Path]:
        return self.own_sources()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..distillation.teacher_outputs import guidance
        from ..models.checkpoint import load_checkpoint, save_checkpoint
        from ..pruning.prune import pruned

        dataset, source = load(inputs["data"].path), load_checkpoint(inputs["source"].path)
        folders = teacher_folders(inputs)
        teacher = guidance(folders, dataset, self, self) if folders else None
        save_checkpoint(out, pruned(source, dataset, self, self.ratio, self.round_to, teacher))
