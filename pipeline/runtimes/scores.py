"""What a model file scores on a data set, and how large it is: run in its own runtime, on every sample."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..data.dataset import DataSet, Split
from ..data.travelling import travelling
from ..graph.passes.float_ends import without_float_ends
from ..graph.read import read_graph
from ..preprocess import Preprocess
from ..task import Task
from .runtime import arena_bytes
from .samples import infer


@dataclass(frozen=True)
class Scores:
    """The metric on validation and test, what is said of every test sample (as `Task.predictions`), parameters, MACs.

    Parameters and MACs are None where nobody can tell. `arena` (total, head, tail; bytes) is TFLite Micro's own account
    of a full-integer TFLite file, else None.
    """

    metric: str
    validation: float
    test: float
    predictions: tuple[Any, ...]
    parameters: int | None
    macs: int | None
    arena: Mapping[str, int] | None


def scores(path: Path, dataset: DataSet) -> Scores:
    """Scores of an .onnx or .tflite file, float or integer, fed as its own metadata say, else as the data set does.

    BadModel when its runtime refuses it.
    """
    task, graph = dataset.about.task, read_graph(path)
    preprocess = travelling(graph.metadata, path.name).preprocess or dataset.about.preprocess
    splits = (dataset.validation, dataset.test)
    validation, test = (_predictions(path, split, preprocess, task) for split in splits)
    return Scores(
        metric=task.metric.name,
        validation=task.score(validation, dataset.validation.y),
        test=task.score(test, dataset.test.y),
        predictions=tuple(test.tolist()),
        parameters=graph.parameters(),
        macs=graph.macs(),
        arena=_arena(path) if path.suffix == ".tflite" and without_float_ends(graph).is_integer() else None,
    )


def _predictions(path: Path, split: Split, preprocess: Preprocess, task: Task) -> NDArray[Any]:
    fed = preprocess.apply(split.x)
    return task.predictions(infer(path, fed), fed)


def _arena(path: Path) -> dict[str, Any]:
    arena = arena_bytes(path)
    return {"total": arena.total, "head": arena.head, "tail": arena.tail}
