"""Trains a student on the labels and on its teacher's outputs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ..artifact import Artifact, Kind
from ..distillation.limits import check_guidance
from ..distillation.options import Training
from ..models.catalog import check, sources


@dataclass(frozen=True, kw_only=True)
class Distill(Training):
    """The net `model`, taught: outputs are softened by `temperature`, `alpha` is the teacher's share of the loss."""

    model: str
    options: Mapping[str, Any] = field(default_factory=dict)
    temperature: float = 4.0
    alpha: float = 0.9

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"data": ("dataset",), "teacher": ("teacher-outputs",)}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "checkpoint"
    version: ClassVar[int] = 3
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "safetensors", "torch")

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.model, self.options)
        check_guidance(self)

    def sources(self) -> Iterable[Path]:
        return sources(self.model)

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..distillation.teacher_outputs import guidance
        from ..distillation.train import trained
        from ..models.checkpoint import save_checkpoint

        dataset = load(inputs["data"].path)
        teacher = guidance(inputs["teacher"].path, dataset, self, self.temperature, self.alpha)
        save_checkpoint(out, trained(self.model, self.options, dataset, self, teacher))
