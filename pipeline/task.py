"""What a model's output means: classify, regress or reconstruct; the metric with its unit and direction; the labels."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .errors import BadInput, choices

TaskKind = Literal["classify", "regress", "reconstruct"]
KINDS: tuple[TaskKind, ...] = ("classify", "regress", "reconstruct")


@dataclass(frozen=True)
class Metric:
    """A figure of merit: `better` says which direction is up; `unit` is printed behind the value."""

    name: str
    unit: str
    better: Literal["higher", "lower"]

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is: times a change, what is gained."""
        return 1 if self.better == "higher" else -1

    @property
    def step(self) -> str:
        """The unit of a difference: points of per cent, else the unit itself."""
        return "points" if self.unit == "%" else self.unit

    def decimals(self, near: float) -> int:
        """How many decimals tell a value of about this size: one of per cent, else those of three digits that count."""
        if self.unit == "%" or not (near and math.isfinite(near)):
            return 1
        return max(0, 2 - math.floor(math.log10(abs(near))))

    def said(self, value: float) -> str:
        """97.4 % or 0.132 °C."""
        return f"{value:.{self.decimals(value)}f} {self.unit}".rstrip()


ACCURACY = Metric("accuracy", "%", "higher")
AREA = Metric("ROC AUC", "%", "higher")  # of normal against anomalous


@dataclass(frozen=True)
class Task:
    """Classify into named labels; regress named values in `unit`; or reconstruct the input, to tell what is not normal.

    Outputs are (n, len(labels)) logits or probabilities, (n, len(labels)) reals, or as large as the input. Targets are
    integers (n,), reals (n, len(labels)), or 0 for normal and 1 for anomalous (n,).
    """

    kind: TaskKind
    labels: tuple[str, ...]
    unit: str = ""

    @property
    def metric(self) -> Metric:
        if self.kind == "regress":
            return Metric("mean absolute error", self.unit, "lower")
        return ACCURACY if self.kind == "classify" else AREA

    def outputs(self, shape: Sequence[int]) -> int:
        """How many values a model gives for one sample of this shape."""
        return math.prod(shape) if self.kind == "reconstruct" else len(self.labels)

    def said(self, shape: Sequence[int]) -> str:
        """What a model does with a sample of this shape: `tell 10 labels apart`."""
        count = self.outputs(shape)
        if self.kind == "reconstruct":
            return f"reconstruct {count} values"
        return f"tell {count} labels apart" if self.kind == "classify" else f"give {count} values"

    def predictions(self, outputs: NDArray[Any], fed: NDArray[Any]) -> NDArray[Any]:
        """What outputs (n,...) for samples `fed` (n,...) say of each sample.

        The label's number (n,); the values (n,k); or the mean squared error of the reconstruction (n,).
        """
        flat = outputs.reshape(len(outputs), -1)
        if self.kind == "classify":
            return np.asarray(flat.argmax(axis=1))
        if self.kind == "regress":
            return flat
        return np.asarray(((flat - fed.reshape(len(fed), -1)) ** 2).mean(axis=1))

    def score(self, predictions: NDArray[Any], targets: NDArray[Any]) -> float:
        """The metric of these predictions, one a sample, against the targets."""
        if self.kind == "classify":
            return 100.0 * float((predictions == targets).mean())
        if self.kind == "regress":
            return float(np.abs(predictions - targets.reshape(predictions.shape)).mean())
        return roc_auc(predictions, targets)

    def judged(self, predictions: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        """What each sample adds to the metric (n,): right or not, 1 or 0; the absolute error; the anomaly score."""
        if self.kind == "classify":
            return np.asarray(predictions == targets, np.float64)
        if self.kind == "regress":
            return np.asarray(np.abs(predictions - targets.reshape(predictions.shape)).mean(axis=1), np.float64)
        return np.asarray(predictions, np.float64)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "labels": list(self.labels), "unit": self.unit}


def roc_auc(scores: NDArray[Any], positive: NDArray[Any]) -> float:
    """In per cent: how often a positive sample scores above a negative one, ties counted half; nan without both kinds,
    or where a score is no number.

    The area under the receiver operating characteristic, as the Mann-Whitney statistic (Fawcett 2006, section 7).
    """
    if not np.isfinite(scores).all():
        return math.nan
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    chosen = positive.astype(bool)
    hits, misses = int(chosen.sum()), int((~chosen).sum())
    if not (hits and misses):
        return math.nan
    return 100.0 * float(ranks[chosen].sum() - hits * (hits + 1) / 2) / (hits * misses)


def task_from_json(values: Mapping[str, Any]) -> Task:
    """The task that `Task.to_json` wrote; `BadInput` when its kind is not one of ours."""
    if values.get("kind") not in KINDS:
        raise BadInput(f"task: no kind {values.get('kind')!r}; there are {choices(KINDS)}")
    return Task(values["kind"], tuple(str(label) for label in values["labels"]), str(values.get("unit", "")))
