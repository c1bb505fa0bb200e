"""Makes inputs from a teacher alone, for students that shall learn without any data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind
from ..distillation.inverting import Inverting


@dataclass(frozen=True, kw_only=True)
class Invert(Inverting):
    """Inputs that the net `teacher` is sure of, as a data set that later stages name: `data = "invert"`."""

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"teacher": ("checkpoint",)}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "dataset"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "safetensors", "torch")

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import save
        from ..distillation.inversion import inverted
        from ..models.checkpoint import load_checkpoint

        teacher = inputs["teacher"]
        save(inverted(load_checkpoint(teacher.path), self, teacher.sha256), out)
