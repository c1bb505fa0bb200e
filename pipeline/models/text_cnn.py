"""TextCnn: token ids to vectors, one convolution over time, the mean of what it finds (after Kim 2014)."""

from collections import OrderedDict

import torch
from torch import nn

from ..errors import BadRecipe
from .blocks import classifier

PADDING = 0  # the id behind a text's last token; its vector is zero


class TextCnn(nn.Module):
    """A table of `buckets` vectors, and a convolution over time as an image of one row."""

    def __init__(self, buckets: int, embedding: int, width: int, kernel: int, dropout: float, outputs: int) -> None:
        super().__init__()
        self.table = nn.Embedding(buckets, embedding, padding_idx=PADDING)
        nn.init.normal_(self.table.weight, std=0.1)
        with torch.no_grad():
            self.table.weight[PADDING] = 0
        self.dropout = nn.Dropout(dropout)
        self.features = nn.Sequential(
            OrderedDict(
                conv=nn.Conv2d(embedding, width, (1, kernel), padding=(0, kernel // 2), bias=False),
                norm=nn.BatchNorm2d(width),
                act=nn.ReLU(),
            )
        )
        self.head = classifier(width, outputs)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """(n,length) int32 -> (n,outputs)."""
        vectors = self.dropout(self.table(ids))
        found: torch.Tensor = self.head(self.features(vectors.permute(0, 2, 1).unsqueeze(2)))
        return found


def text_cnn(
    shape: tuple[int, ...],
    classes: int,
    buckets: int = 2048,
    embedding: int = 16,
    width: int = 8,
    kernel: int = 3,
    dropout: float = 0.1,
) -> nn.Module:
    """Token ids (n,length) below `buckets` -> logits (n,classes): vectors, a convolution over `kernel` ids, a mean."""
    if len(shape) != 1:
        raise BadRecipe(f"model 'text-cnn': takes token ids, samples of shape (length,); these have {shape}")
    if kernel % 2 == 0 or dropout >= 1:
        raise BadRecipe(f"model 'text-cnn': kernel is {kernel}, dropout {dropout}; they must be odd, and below 1")
    return TextCnn(buckets, embedding, width, kernel, dropout, classes)
