"""A teacher that answers while a student learns: nothing is recorded, and every step pays for it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from ..data.dataset import DataSet
from ..errors import BadInput
from ..models.checkpoint import Checkpoint
from .answers import Answers
from .augmentation import Augmentation
from .taps import Tapped, tapped
from .teacher import net_teacher
from .views import view


@dataclass(frozen=True, eq=False)
class Live:
    """A net that is asked anew at every step; it answers what `Recorded` would have kept."""

    listening: Tapped

    def answers(self, view: int, rows: torch.Tensor, x: torch.Tensor) -> Answers:
        """What it says of x (n,...), whichever rows and view those are."""
        with torch.no_grad():
            return self.listening(x)


@contextmanager
def live(checkpoint: Checkpoint, dataset: DataSet, taps: Sequence[str] = ()) -> Iterator[Live]:
    """The checkpoint's net, listened to inside the block; BadInput unless it is fed the very values of its student."""
    net_teacher(checkpoint, dataset)
    if checkpoint.about.preprocess != dataset.about.preprocess:
        raise BadInput(
            f"teacher {checkpoint.about.model!r}: it is fed samples on another scale than its student; record its "
            "answers with the stage teach"
        )
    example = view(dataset, 0, Augmentation(views=1))[:1]
    with tapped(checkpoint.net.eval(), taps, example) as listening:
        yield Live(listening)
