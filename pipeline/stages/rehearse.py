"""Rehearse: every net of a recipe is built, run, exported and lowered once before anything is trained."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..artifact import Artifact, Kind
from ..distillation.options import Training
from ..errors import BadRecipe
from ..models.catalog import sources
from ..task import TaskKind


@dataclass(frozen=True)
class Rehearse:
    """The nets by name and options, untrained: what cannot reach a file is found in seconds, not after the training.

    `task` is what the recipe says that its nets do; the data must say the same. `trainings` must suit the data too.
    """

    models: tuple[tuple[str, Mapping[str, Any]], ...]
    task: TaskKind = "classify"
    trainings: tuple[Training, ...] = ()

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"data": ("dataset",)}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "report"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ("onnx", "torch")

    def sources(self) -> Iterable[Path]:
        return [path for model, _ in self.models for path in sources(model)]

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..distillation.options import check_training
        from ..graph.from_onnx import from_onnx
        from ..models.export import untrained_onnx

        dataset = load(inputs["data"].path)
        about = dataset.about
        if about.task.kind != self.task:
            raise BadRecipe(
                f"task is {self.task!r}, but the data {about.name!r} are there to {about.task.kind}; "
                f'write task = "{about.task.kind}", or name other data'
            )
        for training in self.trainings:
            check_training(training, dataset)
        sizes = []
        for model, options in self.models:
            graph = from_onnx(
                untrained_onnx(model, options, about.task, about.preprocess, dataset.largest_id), f"model {model!r}"
            )
            sizes.append({"model": model, "parameters": graph.parameters(), "macs": graph.macs()})
        out.write_text(json.dumps(sizes, sort_keys=True))
