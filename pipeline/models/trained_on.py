"""What a net has seen: whether the samples that judge it are among those that it was trained on."""

import re

from ..data.dataset import About as DataAbout
from ..data.dataset import Drawn


def has_seen(trained: Drawn | None, found: DataAbout) -> str | None:
    """A sentence when a net was trained on other splits of the same data, or on more labels of these; None when it was
    not, or nobody knows."""
    if trained is None or _set(trained.name) != _set(found.name):
        return None
    if trained == found.drawn:
        return _more_labels(trained, found)
    return (
        f"the teacher was trained on another split of {_set(found.name)} (seed {trained.seed}, here {found.seed}), "
        "or on other options of it: it may have seen labels that the student lacks, and some that judge it here where "
        "validation or test are drawn by the seed, so its own score may be too high"
    )


def _more_labels(trained: Drawn, found: DataAbout) -> str | None:
    if trained.labels is None or found.labels is None or trained.labels <= found.labels:
        return None
    return (
        f"the teacher saw {trained.labels:,} labels of {_set(found.name)}, the student from scratch {found.labels:,}"
        " of them: what a distilled student gains came with labels that it was not given itself"
    )


def _set(name: str) -> str:
    """A data set's name without the digest that tells how the user's own files were read."""
    return re.sub(r" [0-9a-f]{8}$", "", name)
