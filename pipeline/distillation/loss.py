"""What a student is taught by: the task's own loss, and the match of its outputs with the teacher's."""

import torch
from torch.nn import functional

from ..task import Task


def task_loss(
    task: Task, outputs: torch.Tensor, x: torch.Tensor, y: torch.Tensor, label_smoothing: float = 0.0
) -> torch.Tensor:
    """How far outputs are from what they should be, the mean over the batch; no label is needed to reconstruct.

    Classify: cross entropy of logits (n,classes) with y (n,), of which `label_smoothing` goes to all labels alike
    (Szegedy et al. 2016, Rethinking the Inception Architecture, section 7). Regress: mean squared error of (n,k) with
    y (n,k).
    Reconstruct: mean squared error with the samples x that were fed, as `reconstructed` lays them out.
    """
    if task.kind == "classify":
        return functional.cross_entropy(outputs, y, label_smoothing=label_smoothing)
    return functional.mse_loss(outputs, reconstructed(outputs, x) if task.kind == "reconstruct" else y)


def guided_loss(
    task: Task,
    outputs: torch.Tensor,
    teacher: torch.Tensor,
    x: torch.Tensor,
    y: torch.Tensor,
    temperature: float,
    alpha: float,
    label_smoothing: float = 0.0,
) -> torch.Tensor:
    """As `task_loss`, with `alpha` of it given to the match with the teacher's outputs (n,...).

    Labels are distilled as `distillation_loss` says. Reals have no temperature: their match is the mean squared error
    between student and teacher (Ba, Caruana 2014, Do Deep Nets Really Need to be Deep?, section 2.2).
    """
    if task.kind == "classify":
        return distillation_loss(outputs, teacher, y, temperature, alpha, label_smoothing)
    match = functional.mse_loss(outputs, teacher.reshape(outputs.shape))
    return alpha * match + (1 - alpha) * task_loss(task, outputs, x, y)


def distillation_loss(
    student: torch.Tensor,
    teacher: torch.Tensor,
    labels: torch.Tensor,
    temperature: float,
    alpha: float,
    label_smoothing: float = 0.0,
) -> torch.Tensor:
    """alpha * T^2 * KL(teacher / T, student / T) + (1 - alpha) * cross entropy, the mean over the batch.

    Student and teacher are logits (n,classes), labels (n,). T^2 keeps the gradient of the soft part the same size at
    every temperature (Hinton, Vinyals, Dean 2015, Distilling the Knowledge in a Neural Network, section 2).
    """
    soft = functional.kl_div(
        functional.log_softmax(student / temperature, dim=1),
        functional.log_softmax(teacher / temperature, dim=1),
        reduction="batchmean",
        log_target=True,
    )
    hard = functional.cross_entropy(student, labels, label_smoothing=label_smoothing)
    return alpha * temperature**2 * soft + (1 - alpha) * hard


def reconstructed(outputs: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Samples x (n,c,h,w) or (n,features) in the shape of their reconstruction: the same, or (n,values) channels last.

    Channels last, for so they lie in every file that a net ends in.
    """
    if outputs.ndim == 2 and x.ndim == 4:
        x = x.permute(0, 2, 3, 1)
    return x.reshape(outputs.shape)
