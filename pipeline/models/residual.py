"""Small residual nets (He et al. 2016): the teacher, and MLPerf Tiny's ResNet-8."""

import torch
from torch import nn

from .blocks import Size, after, classifier, convolution, net


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
    shape: tuple[int, int, int], classes: int, widths: tuple[int, ...] = (32, 64, 128), blocks: int = 1
) -> nn.Module:
    """x (n,c,h,w) of shape (h,w,c) -> logits (n,classes): `blocks` residual blocks a width, halved between widths."""
    size: Size = shape[:2]
    layers: list[nn.Module] = [convolution(shape[2], widths[0], size)]
    channels = widths[0]
    for stage, width in enumerate(widths):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            layers.append(Residual(channels, width, size, stride))
            channels, size = width, after(size, stride)
    return net(layers, classifier(channels, classes))


def resnet8(shape: tuple[int, int, int], classes: int, widths: tuple[int, ...] = (16, 32, 64)) -> nn.Module:
    """MLPerf Tiny's image classification reference (Banbury et al. 2021): one block a width."""
    return residual(shape, classes, widths)
