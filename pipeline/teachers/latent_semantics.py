"""Latent semantics: texts as short vectors, by which words go together in train, labels or none (Deerwester 1990)."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput

if TYPE_CHECKING:
    import torch

LEAST = 2  # texts of train that a word must be in
OVERSAMPLED = 10  # directions more than are kept, which make the kept ones exact (Halko et al. 2011)
ITERATIONS = 4  # of the subspace
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, eq=False)
class LatentSemantics:
    """What train's texts say of words: how rare each is (v,), and the directions (v,d) in which texts differ most."""

    words: dict[str, int]
    rarity: NDArray[np.float32]
    directions: NDArray[np.float32]

    @property
    def parameters(self) -> int:
        return self.rarity.size + self.directions.size

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector of length 1 a text (n,d); zeros for a text without a known word."""
        import torch

        projected = torch.sparse.mm(_weighted(texts, self.words, self.rarity), torch.from_numpy(self.directions))
        return torch.nn.functional.normalize(projected, dim=1).numpy()


def latent_semantics(texts: Sequence[str], dimensions: int) -> LatentSemantics:
    """Fitted on train's texts, by a truncated singular value decomposition of their weighted words.

    A word counts 1 + log(how often) times log(texts / texts that have it) + 1, both smoothed by one text; each text's
    counts have length 1. `dimensions` is cut to what there is. BadInput when no word is in two texts.
    """
    import torch

    seen = Counter(word for text in texts for word in set(_words(text)))
    kept = sorted(word for word, count in seen.items() if count >= LEAST)
    if not kept:
        raise BadInput(f"latent_semantics: none of the {len(texts)} texts of train shares a word with another")
    words = {word: row for row, word in enumerate(kept)}
    rarity = np.array([math.log((1 + len(texts)) / (1 + seen[word])) + 1 for word in kept], np.float32)
    weighted = _weighted(texts, words, rarity)
    rank = min(dimensions + OVERSAMPLED, *weighted.shape)
    _, _, directions = torch.svd_lowrank(weighted, q=rank, niter=ITERATIONS)
    return LatentSemantics(words, rarity, directions[:, :dimensions].contiguous().numpy())


def _words(text: str) -> list[str]:
    """Runs of letters and digits in lower case, and every other sign by itself."""
    return _WORD.findall(text.lower())


def _weighted(texts: Sequence[str], words: dict[str, int], rarity: NDArray[np.float32]) -> "torch.Tensor":
    """The texts' weighted words, sparse (n,v)."""
    import torch

    rows: list[NDArray[np.int64]] = []
    values: list[NDArray[np.float32]] = []
    for row, text in enumerate(texts):
        counts = Counter(words[word] for word in _words(text) if word in words)
        columns = np.fromiter(counts, np.int64, len(counts))
        weights = (1 + np.log(np.fromiter(counts.values(), np.float64, len(counts)))) * rarity[columns]
        rows.append(np.stack([np.full(len(columns), row), columns]))
        values.append((weights / max(float(np.linalg.norm(weights)), 1e-12)).astype(np.float32))
    places = torch.from_numpy(np.concatenate(rows, axis=1))
    return torch.sparse_coo_tensor(
        places, torch.from_numpy(np.concatenate(values)), (len(texts), len(words)), check_invariants=False
    ).coalesce()
