"""Factor transfer: a teacher's layer is put in other words first, which the student's then learns to say."""

from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from ..method import Lesson, Method
from .beside import aside
from .directions import directions
from .maps import map_pairs


class FactorTransfer(Method):
    """The mean absolute difference between a teacher's factors and a student's, both 1 long a sample; pairs add up.

    A paraphraser, three convolutions to `rate` times the teacher's channels and three back, learns to say the teacher's
    maps again; its middle is the teacher's factor. The student's comes from its maps by a translator, three
    convolutions. Kim, Park, Kwak 2018, Paraphrasing Complex Network: Network Compression via Factor Transfer, equations
    1 to 3. As there the paraphraser learns first and alone, here in the first `ahead` of the training; until then this
    loss is 0. Without the paper's batch norms, which one batch of a stopped layer would spoil.
    """

    weight: ClassVar[float] = 200.0

    def __init__(
        self,
        student: tuple[str, ...] = ("features",),
        teacher: tuple[str, ...] = ("features",),
        rate: float = 0.5,
        ahead: float = 0.1,
    ) -> None:
        if not 0 <= ahead < 1:
            raise ValueError(f"ahead is {ahead}; it is the part of the training before the student hears, below 1")
        super().__init__(student, teacher)
        self.rate, self.ahead = rate, ahead
        self.paraphrasers, self.restorers, self.translators = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()

    def prepare(self, net: nn.Module, lesson: Lesson, samples: int) -> None:
        for own, theirs in map_pairs(self, lesson):
            channels, size = theirs.shape[1], (theirs.shape[2], theirs.shape[3])
            factors = max(1, round(self.rate * channels))
            self.paraphrasers.append(_convolutions(channels, channels, factors, size))
            self.restorers.append(_convolutions(factors, channels, channels, size))
            self.translators.append(_convolutions(own.shape[1], own.shape[1], factors, size))
        self.to(lesson.x.device)

    def forward(self, lesson: Lesson) -> torch.Tensor:
        pairs = map_pairs(self, lesson)
        if lesson.progress < self.ahead:
            return self._paraphrased([theirs for _, theirs in pairs])
        each = zip(self.paraphrasers, self.translators, pairs, strict=True)
        return torch.stack([_unlike(found, told, own, theirs) for found, told, (own, theirs) in each]).sum()

    def _paraphrased(self, maps: list[torch.Tensor]) -> torch.Tensor:
        """0, with the gradient by which the paraphrasers learn."""
        each = zip(self.paraphrasers, self.restorers, maps, strict=True)
        missed = [functional.mse_loss(back(found(theirs)), theirs) for found, back, theirs in each]
        return aside(torch.stack(missed).sum())


def _convolutions(channels_in: int, inner: int, channels_out: int, size: tuple[int, int]) -> nn.Sequential:
    """(n,in,*size) -> (n,out,*size); along an axis of one place the window is one wide."""
    window = (3 if size[0] > 1 else 1, 3 if size[1] > 1 else 1)
    layers = [
        nn.Conv2d(before, after, window, padding="same")
        for before, after in ((channels_in, inner), (inner, channels_out), (channels_out, channels_out))
    ]
    return nn.Sequential(layers[0], nn.LeakyReLU(0.1), layers[1], nn.LeakyReLU(0.1), layers[2])


def _unlike(paraphraser: nn.Module, translator: nn.Module, own: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        factor = directions(paraphraser(theirs).flatten(1))
    return (directions(translator(own).flatten(1)) - factor).abs().mean()
