"""What a net says of a batch: its outputs, and what chosen layers of it gave."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch


@dataclass(frozen=True, eq=False)
class Answers:
    """Outputs (n,...), and by the path of each tapped layer its features (n,...)."""

    outputs: torch.Tensor
    features: Mapping[str, torch.Tensor] = field(default_factory=dict)

    def each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> "Answers":
        """The same change of all of them."""
        return Answers(change(self.outputs), {path: change(values) for path, values in self.features.items()})
