"""A teacher's recorded answers given to the wrong samples: what a measurement must not credit."""

import shutil
from pathlib import Path

import numpy as np


def shuffle_outputs(source: Path, seed: int, out: Path) -> None:
    """Writes the answers that lie in the folder `source`, (views,n,...) each, in another order of the n samples."""
    out.mkdir(parents=True, exist_ok=True)
    order: np.ndarray[tuple[int], np.dtype[np.int64]] | None = None
    for path in sorted(source.iterdir()):
        if path.suffix != ".npy":
            shutil.copyfile(path, out / path.name)
            continue
        said = np.load(path, mmap_mode="r", allow_pickle=False)
        if order is None:
            order = np.random.default_rng(seed).permutation(said.shape[1])
        moved = np.lib.format.open_memmap(out / path.name, "w+", said.dtype, said.shape)
        for view in range(len(said)):
            moved[view] = said[view][order]
        moved.flush()
