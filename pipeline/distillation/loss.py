"""What a student is taught by: the labels, and the teacher's softened outputs."""

import torch
from torch.nn import functional


def distillation_loss(
    student: torch.Tensor, teacher: torch.Tensor, labels: torch.Tensor, temperature: float, alpha: float
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
    hard = functional.cross_entropy(student, labels)
    return alpha * temperature**2 * soft + (1 - alpha) * hard
