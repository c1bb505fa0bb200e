"""MiniLM: how the positions of one attention layer relate to each other is drawn to how they do in the teacher."""

import torch
from torch import nn
from torch.nn import functional

from ...errors import BadInput
from ..method import Lesson, Method
from .hidden_states import check_positions

PARTS = ("query", "key", "value")  # as the three paths name them
RELATIONS = ("query-key", "query-query", "key-key", "value-value")


class MiniLm(Method):
    """The KL divergence of the student's relations from the teacher's, summed over `relations`, a mean over the rest.

    A relation is softmax(A B^T / sqrt(d)) between positions, in `heads` heads of d values. "query-key" is attention
    itself and "value-value" what Wang et al. 2020 (MiniLM, equations 6 to 8) add; "query-query", "key-key" and
    "value-value" are those of Wang et al. 2021 (MiniLMv2, equation 5), whose heads need not be those of the nets.
    Widths may differ: only relations are matched. The paths name the query, the key and the value layer of one
    attention, by default of the second block; the papers take the last.
    """

    def __init__(
        self,
        student: tuple[str, ...] = ("blocks.1.hear.1.query", "blocks.1.hear.1.key", "blocks.1.hear.1.value"),
        teacher: tuple[str, ...] = ("blocks.1.hear.1.query", "blocks.1.hear.1.key", "blocks.1.hear.1.value"),
        relations: tuple[str, ...] = ("query-key", "value-value"),
        heads: int = 2,
    ) -> None:
        if len(student) != len(PARTS) or len(teacher) != len(PARTS):
            raise ValueError(f"student and teacher name {len(PARTS)} layers each: {', '.join(PARTS)} of one attention")
        if unknown := [name for name in relations if name not in RELATIONS]:
            raise ValueError(f"no relation is named {unknown[0]!r}; there are {', '.join(RELATIONS)}")
        super().__init__(student, teacher)
        self.relations, self.heads = tuple(relations), heads

    def prepare(self, net: nn.Module, lesson: Lesson, samples: int) -> None:
        for path, (own, theirs) in zip(self.student, self.heard(lesson), strict=True):
            check_positions(path, own, theirs)
            if wide := [values.shape[2] for values in (own, theirs) if values.shape[2] % self.heads]:
                raise BadInput(
                    f"minilm: heads is {self.heads}, but a layer is {wide[0]} wide; choose a divisor of both"
                )

    def forward(self, lesson: Lesson) -> torch.Tensor:
        own, theirs = ([self._split(values) for values in side] for side in zip(*self.heard(lesson), strict=True))
        parts = []
        for name in self.relations:
            first, second = (PARTS.index(part) for part in name.split("-"))
            parts.append(_divergence(_relation(theirs[first], theirs[second]), _relation(own[first], own[second])))
        return torch.stack(parts).sum()

    def _split(self, values: torch.Tensor) -> torch.Tensor:
        """(n,positions,width) -> (n,heads,positions,width / heads)."""
        return values.reshape(*values.shape[:2], self.heads, -1).transpose(1, 2)


def _relation(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """The logarithms of the shares, (n,heads,positions,positions)."""
    return functional.log_softmax(first @ second.transpose(2, 3) / first.shape[3] ** 0.5, dim=-1)


def _divergence(teacher: torch.Tensor, student: torch.Tensor) -> torch.Tensor:
    return (teacher.exp() * (teacher - student)).sum(dim=-1).mean()
