"""Trains a student on the labels and on what its teachers say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from ..artifact import Artifact, Kind
from ..distillation.guiding import TEACHERS, Guiding, teacher_folders
from ..distillation.options import Training
from ..models.catalog import check, sources


@dataclass(frozen=True, kw_only=True)
class Distill(Training, Guiding):
    """The net `model`, taught. Of several teachers the others are the inputs teacher_2 to teacher_4.

    `initial` takes its first weights from the net that is the input `weights`, the recipe's teacher unless another is
    named: "drop-layers" of a deeper net of the same sizes, "channels" of a wider one of the same layers.
    """

    model: str
    options: Mapping[str, Any] = field(default_factory=dict)
    initial: Literal["", "drop-layers", "channels"] = ""

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {
        "data": ("dataset",),
        "weights": ("checkpoint",),
        **TEACHERS,
    }
    optional: ClassVar[frozenset[str]] = frozenset({"weights", *TEACHERS})
    gives: ClassVar[Kind] = "checkpoint"
    version: ClassVar[int] = 4
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "safetensors", "torch", "torch-pruning")

    def __post_init__(self) -> None:
        Training.__post_init__(self)
        Guiding.__post_init__(self)
        check(self.model, self.options)

    def sources(self) -> Iterable[Path]:
        return [*sources(self.model), *self.own_sources()]

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..distillation.initial import from_teacher
        from ..distillation.teacher_outputs import guidance
        from ..distillation.train import trained
        from ..models.checkpoint import load_checkpoint, save_checkpoint

        dataset = load(inputs["data"].path)
        teachers = guidance(teacher_folders(inputs), dataset, self, self)
        start = from_teacher(self.initial, load_checkpoint(inputs["weights"].path)) if self.initial else None
        save_checkpoint(out, trained(self.model, self.options, dataset, self, teachers, start))
