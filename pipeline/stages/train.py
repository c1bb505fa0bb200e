"""Trains a net on the labels: a teacher, or a student from scratch."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ..artifact import Artifact, Kind
from ..distillation.options import Training
from ..models.catalog import check, sources


@dataclass(frozen=True, kw_only=True)
class Train(Training):
    """The net `model` with its `options`, trained on the labels alone."""

    model: str
    options: Mapping[str, Any] = field(default_factory=dict)

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"data": ("dataset",)}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "checkpoint"
    version: ClassVar[int] = 3
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "safetensors", "torch")

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.model, self.options)

    def sources(self) -> Iterable[Path]:
        return sources(self.model)

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..distillation.train import trained
        from ..models.checkpoint import save_checkpoint

        save_checkpoint(out, trained(self.model, self.options, load(inputs["data"].path), self))
