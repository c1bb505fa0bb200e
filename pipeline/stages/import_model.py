"""Takes in a teacher that is a file: it answers a few samples in a child process before anything is trained."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from ..artifact import Artifact, Kind
from ..teachers.beside import beside, check_beside
from ..teachers.scaling import check_scaling


@dataclass(frozen=True)
class ImportModel:
    """The .onnx or .tflite `file`, float or integer; the path is relative to the recipe's folder.

    `layout` is needed where its input's shape fits two. It is fed as `scaling` (divisor, mean, std) says, else as its
    own metadata say, else as the student is.
    """

    file: str = ""
    layout: Literal["", "channels-first", "channels-last"] = ""
    scaling: Mapping[str, Any] = field(default_factory=dict)

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"source": ("tflite",), "data": ("dataset",)}
    optional: ClassVar[frozenset[str]] = frozenset({"source"})
    gives: ClassVar[Kind] = "teacher"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "onnx", "onnxruntime", "ai-edge-litert")

    def __post_init__(self) -> None:
        check_scaling(self.scaling)
        if self.file:
            check_beside("file", self.file, ".onnx", ".tflite")

    def sources(self) -> Iterable[Path]:
        return (beside("file", self.file),) if self.file else ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..teachers.folder import save_file_teacher
        from ..teachers.model_file import file_teacher

        path = beside("file", self.file) if self.file else inputs["source"].path
        dataset = load(inputs["data"].path)
        name = path.name if self.file else "the converted model"
        save_file_teacher(out, file_teacher(path, name, dataset, self.layout, self.scaling))
