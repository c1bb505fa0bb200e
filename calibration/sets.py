"""Which samples calibrate a model: a seeded choice, each label in its share."""

import numpy as np
from numpy.typing import NDArray


def choose(total: int, count: int, seed: int = 0) -> NDArray[np.int64]:
    """`count` of `total` samples (all, where there are fewer), as sorted indices."""
    chosen = np.random.default_rng(seed).permutation(total)[:count]
    return np.sort(chosen).astype(np.int64)


def stratified(labels: NDArray[np.integer], count: int, seed: int = 0) -> NDArray[np.int64]:
    """`count` samples (all, where there are fewer) as sorted indices, every label in the share it has of the whole.

    Shares are rounded down; what is left goes first to labels that have none yet, then by the largest remainder.
    """
    classes, sizes = np.unique(labels, return_counts=True)
    random = np.random.default_rng(seed)
    chosen = [
        random.permutation(np.flatnonzero(labels == label))[:share]
        for label, share in zip(classes, _shares(sizes, min(count, len(labels))), strict=True)
    ]
    return np.sort(np.concatenate([np.zeros(0, np.int64), *chosen])).astype(np.int64)


def _shares(sizes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """How many of each label; they sum to `count` and none is above its size."""
    wanted = sizes * count / max(sizes.sum(), 1)
    shares: NDArray[np.int64] = np.floor(wanted).astype(np.int64)
    order = np.lexsort((np.arange(len(sizes)), shares - wanted, shares > 0))
    shares[order[: count - shares.sum()]] += 1
    return shares
