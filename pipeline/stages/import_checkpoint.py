"""Takes in a checkpoint that edgestill wrote before: another recipe's teacher."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind
from ..models.catalog import sources
from ..models.checkpoint import read_about
from ..teachers.beside import beside, check_beside


@dataclass(frozen=True)
class ImportCheckpoint:
    """The net of the safetensors file `checkpoint`, as it was trained; the path is relative to the recipe's folder."""

    checkpoint: str

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"data": ("dataset",)}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "checkpoint"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("safetensors", "torch")

    def __post_init__(self) -> None:
        check_beside("checkpoint", self.checkpoint, ".safetensors")

    def sources(self) -> Iterable[Path]:
        path = beside("checkpoint", self.checkpoint)
        return (path, *sources(read_about(path).model))

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..distillation.teacher import net_teacher
        from ..models.checkpoint import load_checkpoint
        from ..models.trained_on import has_seen
        from ..progress import say

        path, dataset = beside("checkpoint", self.checkpoint), load(inputs["data"].path)
        teacher = net_teacher(load_checkpoint(path), dataset)
        if warning := has_seen(teacher.checkpoint.about.data, dataset.about):
            say(warning)
        shutil.copyfile(path, out)
