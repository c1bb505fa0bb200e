"""Seven small nets of the field and samples to train and judge them: seeded, so that every quantizer gets the same.

This file needs torch and numpy alone: it is read in the peers' own environments too.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

CALIBRATION, JUDGED = 128, 400  # samples
TOKENS = 500


def convolution(taken: int, given: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    padding = kernel // 2
    layer = nn.Conv2d(taken, given, kernel, stride, padding, groups=groups, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(given))


def activated(taken: int, given: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(*convolution(taken, given, kernel, stride, groups), nn.ReLU())


def separable(taken: int, given: int, stride: int = 1) -> list[nn.Module]:
    return [activated(taken, taken, 3, stride, taken), activated(taken, given, 1)]


def ds_cnn() -> nn.Module:
    """MLPerf Tiny's keyword spotting net (Banbury et al. 2021): 49x10 features, 12 classes."""
    stem = nn.Sequential(nn.Conv2d(1, 64, (10, 4), 2, (5, 1), bias=False), nn.BatchNorm2d(64), nn.ReLU())
    blocks = [layer for _ in range(4) for layer in separable(64, 64)]
    return nn.Sequential(stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 12))


def mobilenet_v1() -> nn.Module:
    """MobileNetV1 (Howard et al. 2017) at a quarter of its width: 96x96 colour images, two classes."""
    widths = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2), (256, 1)]
    layers: list[nn.Module] = [activated(3, 8, 3, 2)]
    taken = 8
    for given, stride in widths:
        layers += separable(taken, given, stride)
        taken = given
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(taken, 2))


class Residual(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, taken: int, given: int, stride: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(activated(taken, given, 3, stride), convolution(given, given, 3))
        self.around = nn.Conv2d(taken, given, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.inner(x) + self.around(x))


def resnet8() -> nn.Module:
    """MLPerf Tiny's image classification net: 32x32 colour images, ten classes."""
    blocks = [Residual(16, 16, 1), Residual(16, 32, 2), Residual(32, 64, 2)]
    return nn.Sequential(activated(3, 16, 3), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def autoencoder() -> nn.Module:
    """MLPerf Tiny's anomaly detection net: 640 values through a bottleneck of eight."""
    widths = [640, 128, 128, 128, 128, 8, 128, 128, 128, 128]
    layers: list[nn.Module] = []
    for taken, given in zip(widths, widths[1:], strict=False):
        layers += [nn.Linear(taken, given), nn.BatchNorm1d(given), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(128, 640))


def har() -> nn.Module:
    """Three axes of an accelerometer, 128 samples, six classes: convolutions over time."""

    def over_time(taken: int, given: int, kernel: int, stride: int) -> list[nn.Module]:
        layer = nn.Conv1d(taken, given, kernel, stride, kernel // 2, bias=False)
        return [layer, nn.BatchNorm1d(given), nn.ReLU()]

    first = [*over_time(3, 16, 5, 1), nn.MaxPool1d(2), *over_time(16, 32, 5, 1), nn.MaxPool1d(2)]
    return nn.Sequential(*first, *over_time(32, 64, 3, 2), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(64, 6))


class Inverted(nn.Module):
    """An inverted residual (Sandler et al. 2018)."""

    def __init__(self, taken: int, given: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = taken * expansion
        widen = [*convolution(taken, wide, 1), nn.ReLU6()] if expansion > 1 else []
        self.inner = nn.Sequential(
            *widen, *convolution(wide, wide, 3, stride, wide), nn.ReLU6(), *convolution(wide, given, 1)
        )
        self.adds = stride == 1 and taken == given

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        narrow: torch.Tensor = self.inner(x)
        return x + narrow if self.adds else narrow


def mobilenet_v2() -> nn.Module:
    """A MobileNetV2 of a third of its width: 64x64 colour images, ten classes."""
    layers: list[nn.Module] = [*convolution(3, 16, 3, 2), nn.ReLU6(), Inverted(16, 8, 1, 1)]
    taken = 8
    for given, stride in [(8, 2), (16, 2), (24, 2), (32, 1)]:
        layers += [Inverted(taken, given, stride, 6), Inverted(given, given, 1, 6)]
        taken = given
    head = [*convolution(taken, 128, 1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10)]
    return nn.Sequential(*layers, *head)


class Block(nn.Module):
    """A transformer's block, normalised before each half (Xiong et al. 2020), two heads."""

    def __init__(self, length: int, width: int, heads: int) -> None:
        super().__init__()
        self.shape = (length, heads, width // heads)
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        length, heads, size = self.shape
        y = self.before(x)
        parts = [
            part(y).reshape(-1, length, heads, size).transpose(1, 2) for part in (self.query, self.key, self.value)
        ]
        query, key, value = parts
        attention = torch.softmax(query @ key.transpose(-1, -2) / size**0.5, -1)
        x = x + self.out((attention @ value).transpose(1, 2).reshape(-1, length, heads * size))
        wide: torch.Tensor = functional.relu(self.widen(self.between(x)))
        further: torch.Tensor = self.narrow(wide)
        return x + further


class Transformer(nn.Module):
    """32 tokens, four classes."""

    def __init__(self, length: int = 32, width: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(TOKENS, width)
        self.positions = nn.Parameter(torch.randn(1, length, width) * 0.1)
        self.blocks = nn.Sequential(Block(length, width, 2), Block(length, width, 2))
        self.out = nn.Linear(width, 4)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        seen = self.blocks(self.embedding(tokens) + self.positions)
        logits: torch.Tensor = self.out(seen.mean(1))
        return logits


@dataclass(frozen=True)
class Subject:
    """A net to quantize: how it is built, one sample's shape as torch has it, its classes (0: it reconstructs)."""

    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    classes: int
    steps: int = 200

    @property
    def reads_tokens(self) -> bool:
        return self.build is Transformer


SUBJECTS = {
    "ds-cnn": Subject(ds_cnn, (1, 49, 10), 12),
    "mobilenet-v1": Subject(mobilenet_v1, (3, 96, 96), 2, steps=120),
    "resnet8": Subject(resnet8, (3, 32, 32), 10, steps=150),
    "autoencoder": Subject(autoencoder, (640,), 0, steps=400),
    "har": Subject(har, (3, 128), 6),
    "mobilenet-v2": Subject(mobilenet_v2, (3, 64, 64), 10, steps=150),
    "transformer": Subject(Transformer, (32,), 4, steps=400),
}


def samples(subject: Subject, count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth prototypes, three a class, under noise and another gain each: x (count,*shape) and targets."""
    random = torch.Generator().manual_seed(seed)
    if subject.reads_tokens:
        return _sentences(subject, count, random)
    classes = subject.classes or 8
    fixed = torch.Generator().manual_seed(7)
    prototypes = _smooth(torch.randn(3 * classes, *subject.shape, generator=fixed))
    y = torch.randint(0, classes, (count,), generator=random)
    chosen = prototypes[3 * y + torch.randint(0, 3, (count,), generator=random)]
    gain = (0.3 + 0.9 * torch.rand(count, generator=random)).reshape(-1, *(1 for _ in subject.shape))
    x = 0.55 * gain * chosen + 0.7 * torch.randn(count, *subject.shape, generator=random) + 0.2
    return x, y if subject.classes else x


def _smooth(noise: torch.Tensor) -> torch.Tensor:
    """White noise, averaged over its neighbourhood and scaled up to about one deviation."""
    if noise.ndim == 4:
        return 4 * functional.avg_pool2d(functional.pad(noise, (2, 2, 2, 2), mode="replicate"), 5, 1)
    rows = noise if noise.ndim == 3 else noise[:, None]
    smooth = 2.7 * functional.avg_pool1d(functional.pad(rows, (4, 4), mode="replicate"), 9, 1)
    return smooth.reshape(noise.shape)


def _sentences(subject: Subject, count: int, random: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Random tokens, a quarter of them from the class's own sixty."""
    y = torch.randint(0, subject.classes, (count,), generator=random)
    tokens = torch.randint(0, TOKENS, (count, *subject.shape), generator=random)
    own = 100 * y[:, None] + torch.randint(0, 60, (count, *subject.shape), generator=random)
    told = torch.rand(count, *subject.shape, generator=random) < 0.25
    return torch.where(told, own, tokens), y


def trained(name: str) -> nn.Module:
    """The net after its seeded steps on seeded samples, in evaluation mode."""
    subject = SUBJECTS[name]
    torch.manual_seed(0)
    net = subject.build().train()
    x, y = samples(subject, 2048, seed=1)
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=1e-3)
    for _ in range(subject.steps):
        rows = torch.randint(0, len(x), (64,))
        outputs = net(x[rows])
        loss = (
            functional.cross_entropy(outputs, y[rows], label_smoothing=0.05)
            if subject.classes
            else functional.mse_loss(outputs, y[rows])
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return net.eval()
