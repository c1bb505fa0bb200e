"""Evaluate a teacher as it is: what it scores on validation and test, and what is known of its size."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind
from ..distillation.limits import check_threads


@dataclass(frozen=True)
class EvaluateTeacher:
    """The teacher answers every sample the way it teaches; `notes` say what a user should know of it."""

    threads: int = 1

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {
        "source": ("checkpoint", "teacher"),
        "data": ("dataset",),
        "embeddings": ("embeddings",),
    }
    optional: ClassVar[frozenset[str]] = frozenset({"embeddings"})
    gives: ClassVar[Kind] = "scores"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "onnx", "onnxruntime", "ai-edge-litert", "torch")

    def __post_init__(self) -> None:
        check_threads(self)

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..distillation.repeatable import repeatable
        from ..runtimes.scores import write_scores
        from ..teachers.folder import load_teacher
        from ..teachers.scores import teacher_scores

        dataset = load(inputs["data"].path)
        teacher = load_teacher(inputs["source"], dataset, inputs.get("embeddings"))
        with repeatable(0, self.threads):
            found = teacher_scores(teacher, dataset)
        write_scores(out, found, teacher.notes)
