"""What a model's output means: the loss's name, the metric with its unit and direction, and the labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

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

    def score(self, outputs: NDArray[Any], targets: NDArray[Any]) -> float:
        """Accuracy in per cent of outputs (n, classes) against integer targets (n,)."""
        return accuracy(outputs, targets)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "labels": list(self.labels)}


def accuracy(outputs: NDArray[Any], targets: NDArray[Any]) -> float:
    """Per cent of the outputs (n, ...) whose greatest value stands at the integer target (n,)."""
    return 100.0 * float((outputs.reshape(len(outputs), -1).argmax(axis=1) == targets).mean())


def task_from_json(values: Mapping[str, Any]) -> Task:
    """The task that `Task.to_json` wrote; `BadInput` when its kind is not one of ours."""
    if values.get("kind") != "classify":
        raise BadInput(f"task: no kind {values.get('kind')!r}; there are {choices(['classify'])}")
    return Task("classify", tuple(str(label) for label in values["labels"]))
