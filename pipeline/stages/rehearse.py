"""Rehearse: every net of a recipe is built, exported and lowered, and every lesson given once, before any training."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..artifact import Artifact, Kind
from ..distillation.options import Training
from ..distillation.planned import Inversion, Planned
from ..errors import BadRecipe
from ..models.catalog import sources
from ..task import TaskKind


@dataclass(frozen=True)
class Rehearse:
    """The nets by name and options, untrained, those `kept` in torch that reach no other file, and the `lessons` and
    `inversions` that are planned: what cannot be trained, reach a file, be taught or inverted so is found in seconds,
    not after the training.

    `task` is what the recipe says that its nets do; the data must say the same. `trainings` must suit the data too.
    """

    models: tuple[tuple[str, Mapping[str, Any]], ...]
    task: TaskKind = "classify"
    kept: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    trainings: tuple[Training, ...] = ()
    lessons: tuple[Planned, ...] = ()
    inversions: tuple[Inversion, ...] = ()

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"data": ("dataset",)}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "report"
    version: ClassVar[int] = 5
    libraries: ClassVar[tuple[str, ...]] = ("onnx", "torch", "torch-pruning")

    def sources(self) -> Iterable[Path]:
        nets = [path for model, _ in (*self.models, *self.kept) for path in sources(model)]
        planned: list[Planned | Inversion] = [*self.lessons, *self.inversions]
        return [*nets, *(path for one in planned for path in one.sources())]

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..distillation.options import check_training
        from ..distillation.rehearsal import rehearse, rehearse_inversion
        from ..graph.from_onnx import from_onnx
        from ..models.export import untrained_onnx
        from ..models.untrained import untrained

        dataset = load(inputs["data"].path)
        about = dataset.about
        if about.task.kind != self.task:
            raise BadRecipe(
                f"task is {self.task!r}, but the data {about.name!r} are there to {about.task.kind}; "
                f'write task = "{about.task.kind}", or name other data'
            )
        for training in self.trainings:
            check_training(training, dataset)
        for model, options in self.kept:
            untrained(model, options, about.task, about.preprocess)
        sizes = []
        for model, options in self.models:
            graph = from_onnx(
                untrained_onnx(model, options, about.task, about.preprocess, dataset.largest_id), f"model {model!r}"
            )
            sizes.append({"model": model, "parameters": graph.parameters(), "macs": graph.macs()})
        for inversion in self.inversions:
            rehearse_inversion(inversion, dataset)
        for planned in self.lessons:
            rehearse(planned, dataset)
        out.write_text(json.dumps(sizes, sort_keys=True))
