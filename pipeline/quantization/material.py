"""Which samples calibrate somebody's model, which judge it, and what its outputs mean."""

from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...calibration.sets import choose, stratified
from ..data.samples import Layout, Samples, read_samples
from ..data.travelling import Travelling, travelling
from ..errors import BadData, BadModel, choices
from ..graph.graph import Graph
from ..graph.read import read_graph
from ..task import ACCURACY, Metric, Task

CALIBRATION = 256  # samples that are enough for ranges and bias correction
FEW = 32  # samples: with fewer, the same calibrate and judge


def float_graph(model: Path) -> Graph:
    """The model's graph; BadModel when it is not a float model with one input and one output."""
    graph = read_graph(model)
    if any(tensor.dtype == "int8" for tensor in graph.tensors.values()):
        raise BadModel(f"{model.name}: it is quantized already; give the float model it was made from")
    if (len(graph.inputs), len(graph.outputs)) != (1, 1):
        raise BadModel(
            f"{model.name}: it has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; "
            "only one of each is carried"
        )
    return graph


@dataclass(frozen=True)
class Material:
    """Samples that calibrate, and samples that judge.

    `held_out` says whether the model was never fed those that judge: None where nobody knows what it was trained on.
    `input_range` is what raw samples may become at most, None where the model does not say; `task` what its outputs
    mean, None where nothing says it.
    """

    calibrating: Samples
    judging: Samples
    held_out: bool | None
    input_range: tuple[float, float] | None
    task: Task | None

    @property
    def tells_labels(self) -> bool:
        """Whether the greatest of a model's outputs means something, as far as is known."""
        return self.task is None or self.task.kind == "classify"

    @property
    def metric(self) -> Metric | None:
        """What the samples that judge are judged by; None where their targets cannot tell."""
        if self.task is None or self.judging.y is None:
            return None
        told_apart = self.task.kind != "reconstruct" or len(np.unique(self.judging.y)) == 2
        return self.task.metric if told_apart else None


def material_for(model: Path, data: str, layout: Layout | None = None) -> Material:
    """Two splits of a data set, as the model's training drew them where the file says so, or an .npz parted in two.

    Raw samples go through the preprocess that travels in the model. Too few samples to part serve both ends.
    """
    graph = float_graph(model)
    known = travelling(graph.metadata, model.name)
    shape = graph.tensors[graph.inputs[0]].shape
    inputs = prod(shape[1:])
    tokens = graph.takes_ids()
    calibrating = read_samples(data, shape, layout, "calibration", known.preprocess, known.data, tokens)
    if calibrating.drawn is not None:
        judging = read_samples(data, shape, layout, "test", known.preprocess, known.data, tokens)
    elif len(calibrating) < FEW:
        judging = calibrating
    else:
        calibrating, judging = _parted(calibrating, known.task)
    calibrating, judging = (_renumbered(part, known.task, data, model) for part in (calibrating, judging))
    outputs = prod(graph.tensors[graph.outputs[0]].shape[1:])
    task = known.task or judging.task or _likely(judging.y, inputs, outputs)
    if task is not None and judging.y is not None:
        _check_names(data, task, outputs, model)
        _check_targets(data, judging.y, task, outputs, model)
    return Material(calibrating, judging, _held_out(calibrating, judging, known), _range(known), task)


def _renumbered(samples: Samples, task: Task | None, data: str, model: Path) -> Samples:
    """The samples with the model's own numbers for their labels, by name; BadData for a name that it does not know."""
    known = task.labels if task and task.kind == "classify" else ()
    if samples.y is None or samples.task is None or not known or samples.task.labels == known:
        return samples
    strange = [label for label in samples.task.labels if label not in known]
    if strange:
        raise BadData(f"{data}: {model.name} has no label {strange[0]!r}; it tells apart {choices(known)}")
    numbers = np.array([known.index(label) for label in samples.task.labels])
    return replace(samples, y=numbers[samples.y], task=task)


def _likely(y: NDArray[Any] | None, inputs: int, outputs: int) -> Task | None:
    """What a model that says nothing of itself is for: by its sizes to give its input again, by its samples' targets to
    give labels, or values."""
    if outputs == inputs > 2 and (y is None or (y.dtype.kind != "f" and y.max() <= 1)):
        return Task("reconstruct", ())
    if y is None:
        return None
    return Task("regress" if y.dtype.kind == "f" else "classify", tuple(map(str, range(outputs))))


def _check_names(data: str, task: Task, outputs: int, model: Path) -> None:
    """BadData when there are names for other outputs than the model has: nobody knows then which is whose."""
    if task.kind == "classify" and len(task.labels) != outputs:
        raise BadData(
            f"{data}: {len(task.labels)} labels, {choices(task.labels)}; {model.name} has {outputs} outputs, and does "
            "not say which is whose; give samples of every output, in their order, or an .npz with the numbers as y"
        )


def _check_targets(data: str, y: NDArray[Any], task: Task, outputs: int, model: Path) -> None:
    """BadData unless y holds what the model's task wants; its outputs are asked, not its labels."""
    if (y.dtype.kind == "f") != (task.kind == "regress"):
        found = "reals" if y.dtype.kind == "f" else "whole numbers"
        raise BadData(f"{data}: y holds {found}, but {model.name} is made to {task.kind}")
    if task.kind == "regress" and y.shape[1] != outputs:
        raise BadData(f"{data}: y has {y.shape[1]} values a sample; {model.name} gives {outputs}")
    if task.kind == "reconstruct" and y.max() > 1:
        raise BadData(f"{data}: y goes up to {y.max()}; {model.name} reconstructs: 0 is normal and 1 is anomalous")
    if task.kind == "classify" and y.max() >= outputs:
        raise BadData(
            f"{data}: the labels in y go up to {y.max()}; {model.name} has {outputs} outputs, for labels "
            f"from 0 to {outputs - 1}"
        )


def _held_out(calibrating: Samples, judging: Samples, known: Travelling) -> bool | None:
    """The test split of the very split that the model was trained on is; samples that also calibrate are not."""
    if calibrating is judging:
        return False
    return True if judging.drawn is not None and judging.drawn == known.data else None


def _range(known: Travelling) -> tuple[float, float] | None:
    return None if known.preprocess is None else known.preprocess.range


def _parted(samples: Samples, task: Task | None) -> tuple[Samples, Samples]:
    """At most half of the samples calibrate, the rest judge."""
    chosen = _calibrating(samples, task, min(CALIBRATION, len(samples) // 2))
    rest = np.setdiff1d(np.arange(len(samples)), chosen)
    return _rows(samples, chosen), _rows(samples, rest)


def _calibrating(samples: Samples, task: Task | None, count: int) -> NDArray[np.int64]:
    """Which samples calibrate: each label in its share where there are labels, only normal ones of a task that knows
    of such, as long as half of these are left to judge."""
    if samples.y is None or samples.y.dtype.kind == "f":
        return choose(len(samples), count)
    normal = np.flatnonzero(samples.y == 0)
    if task is not None and task.kind == "reconstruct" and len(normal) > 1:
        return normal[choose(len(normal), min(count, len(normal) // 2))]
    return stratified(samples.y, count)


def _rows(samples: Samples, rows: NDArray[np.int64]) -> Samples:
    return replace(samples, x=samples.x[rows], y=None if samples.y is None else samples.y[rows])


def remarks(score: float | None, material: Material) -> tuple[str, ...]:
    """What to know before believing the float model's score: that naming one label every time would score as much.

    Within two standard errors of the share of the commonest label among the samples that judge; of few samples, no more
    than that share.
    """
    y = material.judging.y
    if score is None or y is None or material.metric != ACCURACY:
        return ()
    commonest = np.bincount(y).max() / len(y)
    errors = 2 if len(y) >= FEW else 0
    if score / 100 > commonest + errors * np.sqrt(commonest * (1 - commonest) / len(y)):
        return ()
    return (
        f"the float model itself scores no more than naming one label every time ({100 * commonest:.1f} %): are x "
        "preprocessed and laid out as in its training, and y numbered so?",
    )
