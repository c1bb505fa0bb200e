"""Fits a logistic head on an encoder's vectors: with it, the encoder is a teacher."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind


@dataclass(frozen=True)
class FitHead:
    """On those labels of train that are known; how much its weights are held back is chosen among the same labels."""

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"source": ("embeddings",), "data": ("dataset",)}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "teacher"
    version: ClassVar[int] = 3
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "torch")

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..distillation.repeatable import repeatable
        from ..teachers.folder import save_text_teacher
        from ..teachers.text_head import fitted, load_embeddings

        with repeatable(0, threads=1):
            teacher = fitted(load_embeddings(inputs["source"].path), load(inputs["data"].path))
        save_text_teacher(out, teacher)
