"""How much each part of a loss counts: as the recipe says, or as the parts turn out while they are learned."""

from collections.abc import Sequence

import torch
from torch import nn

from .answers import Answers
from .guiding import Balance as Name


class Balance(nn.Module):
    """The sum of the parts, each of which has its share already."""

    def forward(self, parts: Sequence[torch.Tensor], student: Answers) -> torch.Tensor:
        """The loss, a scalar, of scalar parts that were computed from what the student says."""
        return torch.stack(list(parts)).sum()


class Uncertainty(Balance):
    """exp(-s) * part + s, with a learned s a part: the more a part varies, the less it counts.

    Kendall, Gal, Cipolla 2018, Multi-Task Learning Using Uncertainty to Weigh Losses, equation 10, s a log variance.
    """

    def __init__(self, parts: int) -> None:
        super().__init__()
        self.log_variances = nn.Parameter(torch.zeros(parts))

    def forward(self, parts: Sequence[torch.Tensor], student: Answers) -> torch.Tensor:
        return (torch.exp(-self.log_variances) * torch.stack(list(parts)) + self.log_variances).sum()


class EqualPull(Balance):
    """Every part is scaled so that its gradient, where it meets what the student says, is as long as their mean.

    What share a part had, if any, makes no difference then; a part that pulls at nothing there stays as it is.
    The idea of GradNorm (Chen et al. 2018) without its trained weights and rates: all parts learn alike at once.
    """

    def forward(self, parts: Sequence[torch.Tensor], student: Answers) -> torch.Tensor:
        said = [values for values in (student.outputs, *student.features.values()) if values.requires_grad]
        lengths = torch.stack([_length(part, said) for part in parts])
        felt = lengths > 0
        if not felt.any():
            return torch.stack(list(parts)).sum()
        scales = torch.where(felt, lengths[felt].mean() / lengths.clamp_min(1e-12), 1.0)
        return (scales * torch.stack(list(parts))).sum()


def balance(name: Name, parts: int) -> Balance:
    """The balance of that name, for so many parts."""
    return {"fixed": Balance, "gradient": EqualPull}[name]() if name != "uncertainty" else Uncertainty(parts)


def _length(part: torch.Tensor, said: Sequence[torch.Tensor]) -> torch.Tensor:
    """The norm of a part's gradient at what the student says; 0 where it depends on none of it."""
    if not (part.requires_grad and said):
        return part.new_zeros(())
    found = torch.autograd.grad(part, said, retain_graph=True, allow_unused=True)
    return torch.sqrt(sum((values.square().sum() for values in found if values is not None), part.new_zeros(())))
