"""What our nets are made of: convolutions that pad as TensorFlow's SAME does, so no device needs a padding layer."""

from collections import OrderedDict
from typing import Literal

from torch import nn

Size = tuple[int, int]
Activation = Literal["none", "relu", "relu6"]


def pair(value: int | Size) -> Size:
    """One number for height and width, or one each."""
    return (value, value) if isinstance(value, int) else value


def after(size: Size, stride: int | Size) -> Size:
    """Height and width behind a SAME convolution of that stride."""
    down, right = pair(stride)
    return -(-size[0] // down), -(-size[1] // right)


def same_padding(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after one axis, as TensorFlow's SAME has them: an odd one goes behind."""
    total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2


def convolution(
    channels_in: int,
    channels_out: int,
    size: Size,
    kernel: int | Size = 3,
    stride: int | Size = 1,
    groups: int = 1,
    activation: Activation = "relu",
) -> nn.Sequential:
    """Convolution without bias, batch norm, activation: (n,in,*size) -> (n,out,*after(size, stride))."""
    window, step = pair(kernel), pair(stride)
    top, bottom = same_padding(size[0], window[0], step[0])
    left, right = same_padding(size[1], window[1], step[1])
    symmetric = (top, left) == (bottom, right)
    inside = (top, left) if symmetric else (0, 0)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if not symmetric:
        layers["pad"] = nn.ZeroPad2d((left, right, top, bottom))
    layers["conv"] = nn.Conv2d(channels_in, channels_out, window, step, inside, groups=groups, bias=False)
    layers["norm"] = nn.BatchNorm2d(channels_out)
    if activation != "none":
        layers["act"] = nn.ReLU() if activation == "relu" else nn.ReLU6()
    return nn.Sequential(layers)


def separable(channels_in: int, channels_out: int, size: Size, stride: int = 1) -> nn.Sequential:
    """A depthwise 3x3 and a pointwise convolution (MobileNet, Howard et al. 2017)."""
    depthwise = convolution(channels_in, channels_in, size, stride=stride, groups=channels_in)
    pointwise = convolution(channels_in, channels_out, after(size, stride), kernel=1)
    return nn.Sequential(OrderedDict(depthwise=depthwise, pointwise=pointwise))


def max_pool(size: Size) -> nn.MaxPool2d:
    """3x3 with stride 2, padded as SAME is: an even length lacks one behind, an odd one lacks one on both sides."""
    return nn.MaxPool2d(3, 2, padding=(size[0] % 2, size[1] % 2), ceil_mode=True)


def classifier(channels: int, outputs: int, dropout: float = 0.0) -> nn.Sequential:
    """Mean over height and width, dropout (Srivastava et al. 2014), a dense layer: (n,channels,h,w) -> (n,outputs)."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten())
    if dropout:
        layers["dropout"] = nn.Dropout(dropout)
    layers["dense"] = nn.Linear(channels, outputs)
    return nn.Sequential(layers)


def net(features: list[nn.Module], head: nn.Module) -> nn.Sequential:
    """The features one after the other, then the head."""
    return nn.Sequential(OrderedDict(features=nn.Sequential(*features), head=head))
