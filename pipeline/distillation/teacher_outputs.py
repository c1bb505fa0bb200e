"""A teacher's outputs, computed once: its logits on every view of the training set."""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..artifact import canonical_json
from ..data.dataset import DataSet
from ..errors import BadInput
from ..models.checkpoint import Checkpoint
from ..progress import track
from .options import Training
from .repeatable import repeatable
from .train import Guidance, logits
from .views import view


def write_outputs(teacher: Checkpoint, dataset: DataSet, views: int, shift: int, threads: int, folder: Path) -> None:
    """Writes logits.npy (views,n,...) float32 and about.json; BadInput when the teacher is fed other samples."""
    fed, found = teacher.about.preprocess, dataset.about.preprocess
    if fed.shape != found.shape or teacher.about.task != dataset.about.task:
        raise BadInput(
            f"teacher {teacher.about.model!r}: it takes {fed.shape} to {teacher.about.task.said(fed.shape)}, "
            f"but data set {dataset.about.name} has {found.shape} to {dataset.about.task.said(found.shape)}"
        )
    with repeatable(teacher.about.seed, threads):
        outputs = [logits(teacher.net, view(dataset, index, shift)) for index in track(range(views), views)]
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "logits.npy", np.stack([part.numpy() for part in outputs]), allow_pickle=False)
    about = {"shift": shift, "train": _digest(dataset)}
    (folder / "about.json").write_text(canonical_json(about))


def guidance(folder: Path, dataset: DataSet, training: Training, temperature: float, alpha: float) -> Guidance:
    """The teacher's logits, memory-mapped; BadInput unless they are of the views that the student sees."""
    try:
        about = json.loads((folder / "about.json").read_text())
        outputs: NDArray[np.float32] = np.load(folder / "logits.npy", mmap_mode="r", allow_pickle=False)
        shift, train = about["shift"], about["train"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{folder}: not a teacher's outputs that edgestill wrote: {error}") from error
    expected = (len(dataset.train), dataset.outputs)
    given = (outputs.shape[1], math.prod(outputs.shape[2:]))
    if given != expected or train != _digest(dataset):
        raise BadInput(
            f"the teacher's outputs are of other data: {given[0]} samples and {given[1]} values each, "
            f"but data set {dataset.about.name} trains on {expected[0]} samples for {expected[1]} values each"
        )
    if len(outputs) < training.views or shift != training.shift:
        raise BadInput(
            f"the teacher's outputs are of {len(outputs)} views with shift {shift}, but the student sees "
            f"{training.views} views with shift {training.shift}; give teacher and student the same views and shift"
        )
    return Guidance(outputs, temperature, alpha)


def _digest(dataset: DataSet) -> str:
    return hashlib.sha256(np.asarray(dataset.train.x).tobytes()).hexdigest()
