"""Trains a net on from the weights that it has."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind
from ..distillation.options import Training


@dataclass(frozen=True, kw_only=True)
class FineTune(Training):
    """The same net, trained on the labels for `epochs` more."""

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"source": ("checkpoint",), "data": ("dataset",)}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "checkpoint"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "safetensors", "torch")

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..models.checkpoint import load_checkpoint, save_checkpoint
        from ..teachers.weights import tuned

        source = load_checkpoint(inputs["source"].path)
        save_checkpoint(out, tuned(source, load(inputs["data"].path), self))
