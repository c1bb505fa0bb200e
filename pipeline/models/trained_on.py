"""What a net has seen: whether the samples that judge it are among those that it was trained on."""

import re

from ..data.dataset import About as DataAbout
from ..data.dataset import Drawn


def has_seen(trained: Drawn | None, found: DataAbout) -> str | None:
    """A sentence when a net was trained on other splits of the same data; None when it was not, or nobody knows."""
    if trained is None or _set(trained.name) != _set(found.name) or trained == found.drawn:
        return None
    return (
        f"the teacher was trained on another split of {_set(found.name)} (seed {trained.seed}, here {found.seed}), "
        "or on other options of it: it may have seen labels that the student lacks, and some that judge it here where "
        "validation or test are drawn by the seed, so its own score may be too high"
    )


def _set(name: str) -> str:
    """A data set's name without the digest that tells how the user's own files were read."""
    return re.sub(r" [0-9a-f]{8}$", "", name)
