"""Computes a teacher's outputs once, for every student after it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind
from ..distillation.augmentation import Augmentation, augmentation_of
from ..distillation.limits import at_least


@dataclass(frozen=True, kw_only=True)
class Teach(Augmentation):
    """The teacher's outputs on every view of the training set, augmented as for its students; they see no others."""

    threads: int = 1

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {
        "source": ("checkpoint", "teacher"),
        "data": ("dataset",),
        "embeddings": ("embeddings",),
    }
    optional: ClassVar[frozenset[str]] = frozenset({"embeddings"})
    gives: ClassVar[Kind] = "teacher-outputs"
    version: ClassVar[int] = 3
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "onnxruntime", "ai-edge-litert", "torch")

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, threads=1)

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..distillation.teacher_outputs import write_outputs
        from ..teachers.folder import load_teacher

        dataset = load(inputs["data"].path)
        teacher = load_teacher(inputs["source"], dataset, inputs.get("embeddings"))
        write_outputs(teacher, dataset, augmentation_of(self), self.threads, out)
