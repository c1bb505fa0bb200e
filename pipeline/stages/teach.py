"""Computes a teacher's outputs once, for every student after it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind
from ..distillation.options import Training, at_least


@dataclass(frozen=True, kw_only=True)
class Teach:
    """The teacher's logits on `views` of the training set, moved by up to `shift` pixels; a student sees no others."""

    views: int = Training.views
    shift: int = Training.shift
    threads: int = Training.threads

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {
        "source": ("checkpoint", "teacher"),
        "data": ("dataset",),
        "embeddings": ("embeddings",),
    }
    optional: ClassVar[frozenset[str]] = frozenset({"embeddings"})
    gives: ClassVar[Kind] = "teacher-outputs"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "onnxruntime", "ai-edge-litert", "torch")

    def __post_init__(self) -> None:
        at_least(self, views=1, shift=0, threads=1)

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..distillation.teacher_outputs import write_outputs
        from ..teachers.folder import load_teacher

        dataset = load(inputs["data"].path)
        teacher = load_teacher(inputs["source"], dataset, inputs.get("embeddings"))
        write_outputs(teacher, dataset, self.views, self.shift, self.threads, out)
