"""Recordings cut into windows, and splits by whole groups of them: a person, a day, a file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadData
from .dataset import Split
from .splits import grouped, stratified


@dataclass(frozen=True, eq=False)
class Recording:
    """One stretch of samples (steps, channels) float32 with one label, that belongs to a group; `file` names it."""

    x: NDArray[np.float32]
    label: int
    group: str
    file: str = ""


def windows(x: NDArray[Any], length: int, step: int) -> NDArray[Any]:
    """(steps, channels) to (n, length, channels), a window beginning every `step` steps; what is left is left out."""
    if len(x) < length:
        return np.zeros((0, length, x.shape[1]), x.dtype)
    seen = np.lib.stride_tricks.sliding_window_view(x, length, axis=0)[::step]
    return np.ascontiguousarray(seen.transpose(0, 2, 1))


def windowed(recordings: Sequence[Recording], length: int, step: int) -> Split:
    """The windows of all these recordings as images of one row, (n,1,length,channels), with their labels."""
    cut = [windows(one.x, length, step) for one in recordings]
    counts = [len(part) for part in cut]
    y = np.repeat(np.array([one.label for one in recordings], np.int64), counts)
    files = tuple(one.file for one, count in zip(recordings, counts, strict=True) for _ in range(count))
    return Split(np.concatenate(cut)[:, None], y, files=files if all(files) else None)


def by_group(
    recordings: Sequence[Recording], named: Mapping[str, Iterable[str]], shares: Mapping[str, float], seed: int
) -> dict[str, list[Recording]]:
    """The recordings by split. No group is in two of them: overlapping windows, and people, stay on one side.

    `named` gives groups by split; for splits without, groups are drawn by `shares` from those that nobody named, every
    label in its share where a group has one label only. The rest is train. BadData when too few groups are left.
    """
    groups = {one.group: -1 for one in recordings}
    for one in recordings:
        alone = groups[one.group] in (-1, one.label)
        groups[one.group] = one.label if alone else len(recordings) + 1  # of several labels
    place = {group: split for split, chosen in named.items() for group in chosen}
    unknown = sorted(set(place) - set(groups))
    if unknown:
        raise BadData(f"no group is called {unknown[0]!r}; there are {', '.join(sorted(groups))}")
    free = np.array(sorted(set(groups) - set(place)))
    place |= _drawn(free, np.array([groups[group] for group in free]), named, shares, seed)
    parts: dict[str, list[Recording]] = {name: [] for name in ("train", "validation", "test")}
    for one in recordings:
        parts[place[one.group]].append(one)
    empty = [name for name, part in parts.items() if not part]
    if empty:
        raise BadData(
            f"there are {len(groups)} groups, and none is left for {' and '.join(empty)}; "
            "record more, or let each recording be a group of its own"
        )
    return parts


def _drawn(
    free: NDArray[Any], labels: NDArray[Any], named: Mapping[str, Iterable[str]], shares: Mapping[str, float], seed: int
) -> dict[str, str]:
    """A split for every group that nobody named."""
    wanted = {name: share for name, share in shares.items() if not list(named.get(name, ()))}
    if len(free) <= len(wanted):
        return dict.fromkeys(map(str, free), "train")
    fewest = np.unique(labels, return_counts=True)[1].min() * min(wanted.values(), default=1)
    split = (
        stratified(labels, {**wanted, "train": 1.0}, seed)
        if fewest > 0.5
        else grouped(free.tolist(), {**wanted, "train": 1.0}, seed)
    )
    return {str(free[row]): name for name, rows in split.items() for row in rows}
