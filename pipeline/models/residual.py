"""Residual nets (He et al. 2016): small ones, MLPerf Tiny's ResNet-8, and ResNet-18."""

from collections.abc import Iterator

import torch
from torch import nn

from ..errors import BadRecipe
from .blocks import Size, after, classifier, convolution, max_pool, net


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut; the shortcut is a 1x1 convolution where the shape changes."""

    def __init__(self, channels_in: int, channels_out: int, size: Size, stride: int) -> None:
        super().__init__()
        self.first = convolution(channels_in, channels_out, size, stride=stride)
        self.second = convolution(channels_out, channels_out, after(size, stride), activation="none")
        same = stride == 1 and channels_in == channels_out
        self.shortcut: nn.Module = (
            nn.Identity()
            if same
            else convolution(channels_in, channels_out, size, kernel=1, stride=stride, activation="none")
        )
        self.act = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n,in,*size) -> (n,out,*after(size, stride))."""
        activated: torch.Tensor = self.act(self.second(self.first(x)) + self.shortcut(x))
        return activated


def residual(
    shape: tuple[int, int, int],
    outputs: int,
    widths: tuple[int, ...] = (32, 64, 128),
    blocks: int = 1,
    stride: int = 1,
    dropout: float = 0.0,
) -> nn.Module:
    """x (n,c,h,w) of shape (h,w,c) -> (n,outputs): `blocks` residual blocks a width, halved between widths; a `stride`
    of 2 halves height and width at the start too."""
    stem = convolution(shape[2], widths[0], shape[:2], stride=stride)
    return net([stem, *_stages(after(shape[:2], stride), widths, blocks)], classifier(widths[-1], outputs, dropout))


def resnet8(
    shape: tuple[int, int, int], outputs: int, widths: tuple[int, ...] = (16, 32, 64), dropout: float = 0.0
) -> nn.Module:
    """MLPerf Tiny's image classification reference (Banbury et al. 2021): one block a width."""
    return residual(shape, outputs, widths, dropout=dropout)


def resnet18(
    shape: tuple[int, int, int],
    outputs: int,
    width: int = 64,
    blocks: int = 2,
    stem: str = "cifar",
    dropout: float = 0.0,
) -> nn.Module:
    """He et al. 2016: `blocks` blocks each of `width`, 2, 4 and 8 times as many channels. `stem` is "cifar", one 3x3
    convolution for images of 32 or so, or "imagenet", 7x7 and a max pool, which leave a quarter of height and width."""
    if stem not in ("cifar", "imagenet"):
        raise BadRecipe(f"model 'resnet18': stem is {stem!r}; there are cifar, imagenet")
    size: Size = shape[:2]
    first: list[nn.Module] = [convolution(shape[2], width, size)]
    if stem == "imagenet":
        first = [convolution(shape[2], width, size, kernel=7, stride=2), max_pool(after(size, 2))]
        size = after(after(size, 2), 2)
    widths = (width, 2 * width, 4 * width, 8 * width)
    return net([*first, *_stages(size, widths, blocks)], classifier(widths[-1], outputs, dropout))


def _stages(size: Size, widths: tuple[int, ...], blocks: int) -> Iterator[nn.Module]:
    """Residual blocks on (n,widths[0],*size)."""
    channels = widths[0]
    for stage, width in enumerate(widths):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            yield Residual(channels, width, size, stride)
            channels, size = width, after(size, stride)
