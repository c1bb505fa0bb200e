"""DS-CNN: a convolution, then depthwise separable ones of one width (Zhang et al. 2017, Hello Edge)."""

from torch import nn

from .blocks import after, classifier, convolution, net, separable


def ds_cnn(
    shape: tuple[int, int, int], outputs: int, width: int = 64, depth: int = 4, dropout: float = 0.0
) -> nn.Module:
    """x (n,c,h,w) of shape (h,w,c) -> (n,outputs); height and width are halved once, at the start."""
    height, breadth, channels = shape
    size = after((height, breadth), 2)
    stem = convolution(channels, width, (height, breadth), stride=2)
    return net([stem, *(separable(width, width, size) for _ in range(depth))], classifier(width, outputs, dropout))
