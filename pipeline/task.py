"""What a model's output means: the loss's name, the metric with its unit and direction, and the labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .errors import BadInput, choices


@dataclass(frozen=True)
class Metric:
    """A figure of merit: `better` says which direction is up; `unit` is printed behind the value."""

    name: str
    unit: str
    better: Literal["higher", "lower"]


ACCURACY = Metric("accuracy", "%", "higher")


@dataclass(frozen=True)
class Task:
    """Classification into named labels: outputs are logits or probabilities of shape (n, len(labels))."""

    kind: Literal["classify"]
    labels: tuple[str, ...]

    @property
    def metric(self) -> Metric:
        return ACCURACY

    def correct(self, outputs: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        """The metric's share of every sample, (n,); its mean times 100 is the accuracy in per cent."""
        predicted = outputs.reshape(len(outputs), -1).argmax(axis=1)
        return np.asarray(predicted == targets, np.float64)

    def score(self, outputs: NDArray[Any], targets: NDArray[Any]) -> float:
        """Accuracy in per cent of outputs (n, classes) against integer targets (n,)."""
        return 100.0 * float(self.correct(outputs, targets).mean())

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "labels": list(self.labels)}


def task_from_json(values: Mapping[str, Any]) -> Task:
    """The task that `Task.to_json` wrote; `BadInput` when its kind is not one of ours."""
    if values.get("kind") != "classify":
        raise BadInput(f"task: no kind {values.get('kind')!r}; there are {choices(['classify'])}")
    return Task("classify", tuple(str(label) for label in values["labels"]))
