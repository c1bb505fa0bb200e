"""What any training is after: the task's own loss."""

import torch
from torch.nn import functional

from ..data.labels import UNLABELLED
from ..task import Task


def task_loss(
    task: Task, outputs: torch.Tensor, x: torch.Tensor, y: torch.Tensor, label_smoothing: float = 0.0
) -> torch.Tensor:
    """How far outputs are from what they should be, the mean over the batch; no label is needed to reconstruct.

    Classify: cross entropy of logits (n,classes) with y (n,), of which `label_smoothing` goes to all labels alike
    (Szegedy et al. 2016, Rethinking the Inception Architecture, section 7); the mean is over
    those whose label is known, 0 when none is. Regress: mean squared error of (n,k) with y (n,k), nan where not known.
    Reconstruct: mean squared error with the samples x that were fed, as `reconstructed` lays them out.
    """
    if task.kind == "classify":
        if (y == UNLABELLED).all():
            return 0 * outputs.sum()
        return functional.cross_entropy(outputs, y, label_smoothing=label_smoothing, ignore_index=UNLABELLED)
    if task.kind == "reconstruct":
        return functional.mse_loss(outputs, reconstructed(outputs, x))
    known = ~y.isnan().any(dim=1)
    return functional.mse_loss(outputs[known], y[known]) if known.any() else 0 * outputs.sum()


def reconstructed(outputs: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Samples x (n,c,h,w) or (n,features) in the shape of their reconstruction: the same, or (n,values) channels last.

    Channels last, for so they lie in every file that a net ends in.
    """
    if outputs.ndim == 2 and x.ndim == 4:
        x = x.permute(0, 2, 3, 1)
    return x.reshape(outputs.shape)
