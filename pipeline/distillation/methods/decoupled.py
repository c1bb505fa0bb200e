"""Decoupled: how sure a teacher is of the label, and what it thinks of all the others, are taught apart."""

import torch
from torch.nn import functional

from ..method import Lesson, Method


class Decoupled(Method):
    """T^2 * (alpha * TCKD + beta * NCKD), as KL divergences (n,) of softened outputs, averaged over the batch.

    TCKD compares the label's probability with that of all others together, NCKD the others among themselves. KL itself
    is TCKD + (1 - teacher's probability of the label) * NCKD: a sure teacher silences what it knows of the others.
    Zhao, Cui, Song, Qiu, Liang 2022, Decoupled Knowledge Distillation, equations 5 to 7. Where a label is not known,
    or mixed, the teacher's top label stands for it.
    """

    def __init__(self, alpha: float = 1.0, beta: float = 8.0) -> None:
        super().__init__()
        self.alpha, self.beta = alpha, beta

    def forward(self, lesson: Lesson) -> torch.Tensor:
        theirs = lesson.taught.outputs
        top = theirs.argmax(dim=1)
        target = top if lesson.partners is not None else torch.where(lesson.y >= 0, lesson.y, top)
        t = lesson.temperature
        (own, own_others), (theirs, their_others) = (
            _parted(outputs / t, target) for outputs in (lesson.student.outputs, theirs)
        )
        parts = self.alpha * _divergence(theirs, own) + self.beta * _divergence(their_others, own_others)
        return t**2 * parts.mean()


def _parted(logits: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Logarithms of probabilities of logits (n,k): the target's against all others' (n,2); each of these (n,k-1)."""
    count, classes = logits.shape
    is_target = functional.one_hot(target, classes).bool()
    others = logits[~is_target].reshape(count, classes - 1)
    both = torch.stack([logits[is_target], others.logsumexp(dim=1)], dim=1)
    return both.log_softmax(dim=1), others.log_softmax(dim=1)


def _divergence(theirs: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """KL (n,) of the student's probabilities from the teacher's, both as logarithms (n,k)."""
    return functional.kl_div(own, theirs, reduction="none", log_target=True).sum(dim=1)
