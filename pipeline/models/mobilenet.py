"""MobileNetV1 (Howard et al. 2017) and a small net in the style of MobileNetV2 (Sandler et al. 2018)."""

from collections import OrderedDict

import torch
from torch import nn

from .blocks import Size, after, classifier, convolution, net, separable

V1_START = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2))  # full channels and stride of each layer
V1_REPEATED = (512, 1)
V1_END = ((1024, 2), (1024, 1))


def mobilenet_v1(
    shape: tuple[int, int, int], outputs: int, width: float = 0.25, depth: int = 5, dropout: float = 0.0
) -> nn.Module:
    """x (n,c,h,w) of shape (h,w,c) -> (n,outputs); `width` scales every layer's channels, to multiples of 8, `depth` is
    how often the layer of 512 is repeated. Height and width are halved five times: it wants images of 64 and more."""
    channels = _eights(32 * width)
    layers: list[nn.Module] = [convolution(shape[2], channels, shape[:2], stride=2)]
    size = after(shape[:2], 2)
    for full, stride in (*V1_START, *[V1_REPEATED] * depth, *V1_END):
        layers.append(separable(channels, _eights(full * width), size, stride))
        channels, size = _eights(full * width), after(size, stride)
    return net(layers, classifier(channels, outputs, dropout))


class InvertedResidual(nn.Module):
    """Expand 1x1, depthwise 3x3, project 1x1 without activation; added to the input where the shape stays."""

    def __init__(self, channels_in: int, channels_out: int, size: Size, stride: int, expansion: int) -> None:
        super().__init__()
        inner = channels_in * expansion
        self.branch = nn.Sequential(
            OrderedDict(
                expand=convolution(channels_in, inner, size, kernel=1, activation="relu6"),
                depthwise=convolution(inner, inner, size, stride=stride, groups=inner, activation="relu6"),
                project=convolution(inner, channels_out, after(size, stride), kernel=1, activation="none"),
            )
        )
        self.added = stride == 1 and channels_in == channels_out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n,in,*size) -> (n,out,*after(size, stride))."""
        projected: torch.Tensor = self.branch(x)
        return x + projected if self.added else projected


def mobilenet_v2(
    shape: tuple[int, int, int],
    outputs: int,
    widths: tuple[int, ...] = (16, 24, 32, 64),
    blocks: int = 2,
    expansion: int = 4,
    dropout: float = 0.0,
) -> nn.Module:
    """x (n,c,h,w) of shape (h,w,c) -> (n,outputs): `blocks` inverted residuals a width, halved before each."""
    size = after(shape[:2], 2)
    channels = widths[0]
    layers: list[nn.Module] = [convolution(shape[2], channels, shape[:2], stride=2, activation="relu6")]
    for width in widths[1:]:
        for block in range(blocks):
            stride = 1 if block else 2
            layers.append(InvertedResidual(channels, width, size, stride, expansion))
            channels, size = width, after(size, stride)
    layers.append(convolution(channels, 2 * channels, size, kernel=1, activation="relu6"))
    return net(layers, classifier(2 * channels, outputs, dropout))


def _eights(channels: float) -> int:
    return max(8, 8 * round(channels / 8))
