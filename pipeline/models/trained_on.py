"""What a net has seen: whether the samples that judge it are among those that it was trained on."""

from ..data.dataset import About as DataAbout
from .checkpoint import About


def has_seen(trained: About, found: DataAbout) -> str | None:
    """A sentence when a net was trained on other splits of the same data; None when it was not, or nobody knows."""
    if trained.data is None or trained.data.name != found.name or trained.data.seed == found.seed:
        return None
    return (
        f"the teacher was trained on {found.name} split by seed {trained.data.seed}, here it is split by {found.seed}: "
        "it saw labels that the student lacks, among them some of validation and test, so its own score is too high"
    )
