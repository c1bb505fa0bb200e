"""Trains a student on the labels and on what its teachers say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ..artifact import Artifact, Kind
from ..distillation.guiding import TEACHERS, Guiding, teacher_folders
from ..distillation.options import Training
from ..models.catalog import check, sources


@dataclass(frozen=True, kw_only=True)
class Distill(Training, Guiding):
    """The net `model`, taught. Of several teachers the others are the inputs teacher_2 to teacher_4."""

    model: str
    options: Mapping[str, Any] = field(default_factory=dict)

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"data": ("dataset",), **TEACHERS}
    optional: ClassVar[frozenset[str]] = frozenset(TEACHERS)
    gives: ClassVar[Kind] = "checkpoint"
    version: ClassVar[int] = 4
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "safetensors", "torch")

    def __post_init__(self) -> None:
        Training.__post_init__(self)
        Guiding.__post_init__(self)
        check(self.model, self.options)

    def sources(self) -> Iterable[Path]:
        return [*sources(self.model), *self.own_sources()]

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..distillation.teacher_outputs import guidance
        from ..distillation.train import trained
        from ..models.checkpoint import save_checkpoint

        dataset = load(inputs["data"].path)
        teachers = guidance(teacher_folders(inputs), dataset, self, self)
        save_checkpoint(out, trained(self.model, self.options, dataset, self, teachers))
