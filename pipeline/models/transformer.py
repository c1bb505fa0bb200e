"""Transformer: a small encoder of token ids (Vaswani et al. 2017), norms first (Xiong et al. 2020), for text."""

import torch
from torch import nn

from ..errors import BadRecipe


class Attention(nn.Module):
    """Every position hears every other, in `heads` ways at once."""

    def __init__(self, length: int, width: int, heads: int) -> None:
        super().__init__()
        self.split = (-1, length, heads, width // heads)
        self.joined = (-1, length, width)
        self.scale = (width // heads) ** -0.5
        self.query, self.key, self.value, self.output = (nn.Linear(width, width) for _ in range(4))
        self.share = nn.Softmax(dim=-1)  # a layer, so that what positions hear can be tapped

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n,length,width) -> the same."""
        query, key, value = (
            layer(x).reshape(self.split).permute(0, 2, 1, 3) for layer in (self.query, self.key, self.value)
        )
        share = self.share(self.scale * query @ key.transpose(2, 3))  # (n,heads,length,length)
        heard = (share @ value).permute(0, 2, 1, 3).reshape(self.joined)
        found: torch.Tensor = self.output(heard)
        return found


class Block(nn.Module):
    """Attention and two dense layers, each behind a norm and added to what came in."""

    def __init__(self, length: int, width: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.hear = nn.Sequential(nn.LayerNorm(width), Attention(length, width, heads), nn.Dropout(dropout))
        self.think = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, inner), nn.ReLU(), nn.Linear(inner, width), nn.Dropout(dropout)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n,length,width) -> the same."""
        x = x + self.hear(x)
        thought: torch.Tensor = x + self.think(x)
        return thought


class Transformer(nn.Module):
    """A table of `buckets` vectors and one a position, blocks, the mean over all positions, a dense layer."""

    def __init__(self, buckets: int, length: int, width: int, blocks: list[nn.Module], outputs: int) -> None:
        super().__init__()
        self.table = nn.Embedding(buckets, width)
        self.positions = nn.Parameter(torch.empty(length, width))
        for values in (self.table.weight, self.positions):
            nn.init.normal_(values, std=0.1)
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(width)
        self.dense = nn.Linear(width, outputs)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """(n,length) int32 -> (n,outputs)."""
        vectors = self.blocks(self.table(ids) + self.positions)
        found: torch.Tensor = self.dense(self.norm(vectors).mean(dim=1))
        return found


def transformer(
    shape: tuple[int, ...],
    outputs: int,
    buckets: int = 2048,
    width: int = 32,
    heads: int = 2,
    blocks: int = 2,
    expansion: int = 2,
    dropout: float = 0.1,
) -> nn.Module:
    """Token ids (n,length) below `buckets` -> (n,outputs): `blocks` blocks of `heads` heads over vectors of `width`.

    The id of what stands behind a text's end is a token like any other: a device needs no mask.
    """
    if len(shape) != 1:
        raise BadRecipe(f"model 'transformer': takes token ids, samples of shape (length,); these have {shape}")
    if width % heads:
        raise BadRecipe(f"model 'transformer': width is {width}, which {heads} heads cannot share; choose a multiple")
    stacked: list[nn.Module] = [Block(shape[0], width, heads, expansion * width, dropout) for _ in range(blocks)]
    return Transformer(buckets, shape[0], width, stacked, outputs)
