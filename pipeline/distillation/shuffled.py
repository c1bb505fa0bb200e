"""A teacher's recorded answers given to the wrong samples: what a measurement must not credit."""

import shutil
from pathlib import Path

import numpy as np

from ..errors import BadInput


def shuffle_outputs(source: Path, seed: int, out: Path) -> None:
    """Writes the answers that lie in the folder `source`, (views,n,...) each, so that each of n samples has another's.

    Samples stand on a circle in an order that `seed` draws, and each gets the next one's: nobody keeps its own.
    BadInput where there is no other sample.
    """
    out.mkdir(parents=True, exist_ok=True)
    order: np.ndarray[tuple[int], np.dtype[np.int64]] | None = None
    for path in sorted(source.iterdir()):
        if path.suffix != ".npy":
            shutil.copyfile(path, out / path.name)
            continue
        said = np.load(path, mmap_mode="r", allow_pickle=False)
        if order is None:
            order = _of_others(said.shape[1], seed)
        moved = np.lib.format.open_memmap(out / path.name, "w+", said.dtype, said.shape)
        for view in range(len(said)):
            moved[view] = said[view][order]
        moved.flush()


def _of_others(samples: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """(n,): for each sample another one, and each once."""
    if samples < 2:
        raise BadInput("answers to one sample cannot be shuffled: there is no other; give the teacher more of them")
    circle = np.random.default_rng(seed).permutation(samples)
    order = np.empty_like(circle)
    order[circle] = np.roll(circle, -1)
    return order
