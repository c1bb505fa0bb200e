"""What a model file scores on a data set, and how large it is: run in its own runtime, on every sample."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.dataset import DataSet
from ..data.travelling import travelling
from ..graph.passes.float_ends import without_float_ends
from ..graph.read import read_graph
from ..task import Task
from .runtime import arena_bytes
from .samples import infer

ABOUT, OUTPUTS = "scores.json", "outputs.npy"  # of the folder that `write_scores` writes


@dataclass(frozen=True, eq=False)
class Scores:
    """The metric on validation and test, what is said of every test sample (as `Task.predictions`), parameters, MACs.

    Parameters and MACs are None where nobody can tell. `arena` (total, head, tail; bytes) is TFLite Micro's own account
    of a full-integer TFLite file, else None. `outputs` (n,labels) are the logits for the test samples where there are
    labels to tell apart, else None.
    """

    metric: str
    validation: float
    test: float
    predictions: tuple[Any, ...]
    parameters: int | None
    macs: int | None
    arena: Mapping[str, int] | None
    outputs: NDArray[np.float32] | None = None


def write_scores(folder: Path, found: Scores, notes: Sequence[str] = ()) -> None:
    """Writes scores.json with all but the outputs, and outputs.npy where there are such."""
    folder.mkdir(parents=True, exist_ok=True)
    said = {field.name: getattr(found, field.name) for field in fields(found) if field.name != "outputs"}
    (folder / ABOUT).write_text(json.dumps({**said, "notes": list(notes)}, sort_keys=True))
    if found.outputs is not None:
        np.save(folder / OUTPUTS, found.outputs, allow_pickle=False)


def read_scores(folder: Path) -> Mapping[str, Any]:
    """What `write_scores` wrote, by the names of `Scores` but for the outputs, and the `notes`."""
    found: Mapping[str, Any] = json.loads((folder / ABOUT).read_text())
    return found


def read_outputs(folder: Path) -> NDArray[np.float32] | None:
    """The logits (n,labels) on the test samples; None where there are no labels."""
    return np.load(folder / OUTPUTS, allow_pickle=False) if (folder / OUTPUTS).is_file() else None


def scores(path: Path, dataset: DataSet) -> Scores:
    """Scores of an .onnx or .tflite file, float or integer, fed as its own metadata say, else as the data set does.

    BadModel when its runtime refuses it.
    """
    task, graph = dataset.about.task, read_graph(path)
    preprocess = travelling(graph.metadata, path.name).preprocess or dataset.about.preprocess
    splits = (dataset.validation, dataset.test)
    fed = [preprocess.apply(split.x) for split in splits]
    said = [infer(path, samples) for samples in fed]
    validation, test = (task.predictions(outputs, samples) for outputs, samples in zip(said, fed, strict=True))
    return Scores(
        metric=task.metric.name,
        validation=task.score(validation, dataset.validation.y),
        test=task.score(test, dataset.test.y),
        predictions=tuple(test.tolist()),
        parameters=graph.parameters(),
        macs=graph.macs(),
        arena=_arena(path) if path.suffix == ".tflite" and without_float_ends(graph).is_integer() else None,
        outputs=logits_of(task, said[1]),
    )


def logits_of(task: Task, outputs: NDArray[Any]) -> NDArray[np.float32] | None:
    """Outputs (n,...) as they are kept: (n,labels), where there are labels to tell apart."""
    return outputs.reshape(len(outputs), -1).astype(np.float32) if task.kind == "classify" else None


def _arena(path: Path) -> dict[str, Any]:
    arena = arena_bytes(path)
    return {"total": arena.total, "head": arena.head, "tail": arena.tail}
