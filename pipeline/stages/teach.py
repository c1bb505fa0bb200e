"""Computes a teacher's outputs once, for every student after it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind
from ..distillation.augmentation import Augmentation, augmentation_of
from ..distillation.limits import above_zero, check_threads


@dataclass(frozen=True, kw_only=True)
class Teach(Augmentation):
    """The teacher's outputs on every view of the training set, augmented as for its students; they see no others.

    `taps` are the paths of layers to hear besides; what the students' methods hear is added to them. All together may
    fill `limit_gb` GB of the disk.
    """

    threads: int = 1
    taps: tuple[str, ...] = ()
    limit_gb: float = 8.0

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {
        "source": ("checkpoint", "teacher"),
        "data": ("dataset",),
        "embeddings": ("embeddings",),
    }
    optional: ClassVar[frozenset[str]] = frozenset({"embeddings"})
    gives: ClassVar[Kind] = "teacher-outputs"
    version: ClassVar[int] = 4
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "onnx", "onnxruntime", "ai-edge-litert", "torch")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_threads(self)
        above_zero(self, "limit_gb")

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..distillation.teacher_outputs import write_outputs
        from ..teachers.folder import load_teacher

        dataset = load(inputs["data"].path)
        teacher = load_teacher(inputs["source"], dataset, inputs.get("embeddings"))
        write_outputs(teacher, dataset, augmentation_of(self), self.threads, out, self.taps, self.limit_gb)
