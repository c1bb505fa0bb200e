"""How inputs are made from a teacher, as a recipe says it; torch is not needed to know it."""

from dataclasses import dataclass

from .limits import above_zero, at_least

OF_TOKENS = (
    "inputs are made step by step along a gradient, which token ids have none of; give the teacher texts without "
    'labels instead: unlabelled = "FOLDER" under [data]'
)


@dataclass(frozen=True, kw_only=True)
class Inverting:
    """`count` inputs, every class in its share, made in `steps` steps of Adam, `batch` at a time; 0 leaves the noise.

    The loss is the teacher's cross entropy with the class that is wanted, plus `statistics` times how far its batch
    norms are from what they met in training; of images also `variation` times how unlike neighbours are, and each step
    moves them by up to `jitter` pixels. What is not an image stays within `limit` deviations of its mean. `draw` is the
    seed of the noise: students of all seeds learn from the same inputs.
    """

    count: int = 1024
    steps: int = 120
    batch: int = 256
    learning_rate: float = 0.1
    statistics: float = 3.0
    variation: float = 0.3
    jitter: int = 2
    limit: float = 4.0
    draw: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        at_least(self, count=2, steps=0, batch=2, statistics=0, variation=0, jitter=0, draw=0, threads=1)
        above_zero(self, "learning_rate", "limit")
