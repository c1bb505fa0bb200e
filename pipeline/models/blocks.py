"""What our nets are made of: convolutions that pad as TensorFlow's SAME does, so no device needs a padding layer."""

from collections import OrderedDict
from typing import Literal

from torch import nn

Size = tuple[int, int]
Activation = Literal["none", "relu", "relu6"]


def after(size: Size, stride: int) -> Size:
    """Height and width behind a SAME convolution of that stride."""
    return -(-size[0] // stride), -(-size[1] // stride)


def same_padding(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after one axis, as TensorFlow's SAME has them: an odd one goes behind."""
    total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2


def convolution(
    channels_in: int,
    channels_out: int,
    size: Size,
    kernel: int = 3,
    stride: int = 1,
    groups: int = 1,
    activation: Activation = "relu",
) -> nn.Sequential:
    """Convolution without bias, batch norm, activation: (n,in,*size) -> (n,out,*after(size, stride))."""
    top, bottom = same_padding(size[0], kernel, stride)
    left, right = same_padding(size[1], kernel, stride)
    symmetric = (top, left) == (bottom, right)
    inside = (top, left) if symmetric else (0, 0)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if not symmetric:
        layers["pad"] = nn.ZeroPad2d((left, right, top, bottom))
    layers["conv"] = nn.Conv2d(channels_in, channels_out, kernel, stride, inside, groups=groups, bias=False)
    layers["norm"] = nn.BatchNorm2d(channels_out)
    if activation != "none":
        layers["act"] = nn.ReLU() if activation == "relu" else nn.ReLU6()
    return nn.Sequential(layers)


def separable(channels_in: int, channels_out: int, size: Size, stride: int = 1) -> nn.Sequential:
    """A depthwise 3x3 and a pointwise convolution (MobileNet, Howard et al. 2017)."""
    depthwise = convolution(channels_in, channels_in, size, stride=stride, groups=channels_in)
    pointwise = convolution(channels_in, channels_out, after(size, stride), kernel=1)
    return nn.Sequential(OrderedDict(depthwise=depthwise, pointwise=pointwise))


def classifier(channels: int, classes: int) -> nn.Sequential:
    """Mean over height and width, then one dense layer: (n,channels,h,w) -> logits (n,classes)."""
    return nn.Sequential(
        OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), dense=nn.Linear(channels, classes))
    )


def net(features: list[nn.Module], head: nn.Module) -> nn.Sequential:
    """The features one after the other, then the head."""
    return nn.Sequential(OrderedDict(features=nn.Sequential(*features), head=head))
