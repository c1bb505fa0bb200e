"""What a teacher is to its students: whoever gives outputs for samples; the first kind is a net of torch's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..data.dataset import About, DataSet, Split
from ..errors import BadInput
from ..models.checkpoint import Checkpoint
from ..preprocess import Preprocess
from .train import heard
from .views import fed


class Teacher(Protocol):
    """Members are read-only. `sees_views` is False where moved samples are the same to it, as to one that reads words.

    `parameters` and `macs` are None where nobody can tell. `notes` are sentences that a user should read with its row.
    """

    @property
    def sees_views(self) -> bool: ...

    @property
    def parameters(self) -> int | None: ...

    @property
    def macs(self) -> int | None: ...

    @property
    def notes(self) -> Sequence[str]: ...

    def outputs(self, split: Split) -> NDArray[np.float32]:
        """Outputs (n,...) for the raw samples of a split, as the task wants them: logits where it has labels."""
        ...

    def told(self, split: Split, taps: Sequence[str]) -> "Told":
        """Its outputs, and what the layers at these paths gave; BadInput where it lets nobody hear them."""
        ...


@dataclass(frozen=True, eq=False)
class Told:
    """Outputs (n,...), and by the path of each tapped layer its features (n,...)."""

    outputs: NDArray[np.float32]
    features: Mapping[str, NDArray[np.float32]]


def told_without_taps(teacher: Teacher, split: Split, taps: Sequence[str], what: str) -> Told:
    """The outputs of a teacher whose inside nobody can hear; BadInput, which says what it is, when a layer is asked."""
    if taps:
        raise BadInput(
            f"the teacher is {what}: its layer {taps[0]!r} cannot be heard; use methods that hear outputs alone, such "
            "as soft-targets, or a teacher that is a net of torch's"
        )
    return Told(teacher.outputs(split), {})


@dataclass(frozen=True, eq=False)
class NetTeacher:
    """A net of a checkpoint, fed as its own header says."""

    checkpoint: Checkpoint
    sees_views: bool = True
    macs: int | None = None
    notes: Sequence[str] = ()

    @property
    def parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.checkpoint.net.parameters())

    def outputs(self, split: Split) -> NDArray[np.float32]:
        return self.told(split, ()).outputs

    def told(self, split: Split, taps: Sequence[str]) -> Told:
        x = fed(np.asarray(split.x), self.checkpoint.about.preprocess)
        answers = heard(self.checkpoint.net, x, taps)
        return Told(answers.outputs.numpy(), {path: values.numpy() for path, values in answers.features.items()})


def refuse_other_samples(where: str, fed: Preprocess, found: About) -> None:
    """BadInput when a teacher is fed by another front end, or must say again what stands on another scale."""
    given = found.preprocess
    if fed.front_end != given.front_end:
        raise BadInput(f"{where}: it is fed by {fed.front_end}, but data set {found.name} by {given.front_end}")
    scales = [(one.divisor, one.mean, one.std) for one in (fed, given)]
    if found.task.kind == "reconstruct" and scales[0] != scales[1]:
        raise BadInput(
            f"{where}: it reconstructs samples scaled with divisor, mean and std {scales[0]}, but data set "
            f"{found.name} scales with {scales[1]}; errors on two scales cannot be compared: train both on the same"
        )


def net_teacher(checkpoint: Checkpoint, dataset: DataSet) -> NetTeacher:
    """The teacher of a checkpoint; BadInput when it is fed other samples or has another task."""
    about, found = checkpoint.about, dataset.about
    fed, given = about.preprocess, found.preprocess
    refuse_other_samples(f"teacher {about.model!r}", fed, found)
    if (fed.shape, fed.dtype) != (given.shape, given.dtype) or about.task != found.task:
        raise BadInput(
            f"teacher {about.model!r}: it takes {fed.shape} {fed.dtype} to {about.task.said(fed.shape)}, "
            f"but data set {found.name} has {given.shape} {given.dtype} to {found.task.said(given.shape)}"
        )
    return NetTeacher(checkpoint)
