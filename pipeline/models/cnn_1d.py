"""CNN-1D: convolutions along time for motion and other series, on an image of one row (Wang et al. 2017)."""

from torch import nn

from ..errors import BadRecipe
from .blocks import after, classifier, convolution, net


def cnn_1d(
    shape: tuple[int, int, int],
    outputs: int,
    widths: tuple[int, ...] = (12, 20),
    kernel: int = 5,
    stride: int = 2,
    dropout: float = 0.0,
) -> nn.Module:
    """x (n,c,1,time) or (n,c,time,1) -> (n,outputs): a convolution over `kernel` steps a width, each with `stride`.

    On 100 steps of 6 values the defaults have 1,771 parameters to 7 outputs; widths of 64, 128, 128 and a kernel of 7
    make a teacher of 176,263.
    """
    if min(shape[:2]) != 1:
        raise BadRecipe(
            f"model 'cnn-1d': takes series, samples of shape (1, time, channels) or (time, 1, channels); "
            f"these have {shape}: choose a net for images, such as ds-cnn"
        )
    size, channels = shape[:2], shape[2]
    layers: list[nn.Module] = []
    for width in widths:
        window, step = ((1, kernel), (1, stride)) if size[0] == 1 else ((kernel, 1), (stride, 1))
        layers.append(convolution(channels, width, size, kernel=window, stride=step))
        channels, size = width, after(size, step)
    return net(layers, classifier(channels, outputs, dropout))
