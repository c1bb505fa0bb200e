"""How inputs are made from a teacher, as a recipe says it; torch is not needed to know it."""

from dataclasses import dataclass

from .limits import HEAVIEST, above_zero, at_least, at_most, check_threads

OF_TOKENS = (
    "inputs are made step by step along a gradient, which token ids have none of; give the teacher texts without "
    'labels instead: unlabelled = "FOLDER" under [data]'
)
FASTEST = 1000  # a rate of Adam: every step would throw each value from one end of its range to the other


@dataclass(frozen=True, kw_only=True)
class Inverting:
    """The options of the stage `invert`, which says what each of them is."""

    count: int = 1024
    steps: int = 120
    at_once: int = 256
    rate: float = 0.1
    statistics: float = 3.0
    variation: float = 0.3
    jitter: int = 2
    limit: float = 4.0
    draw: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        at_least(self, count=2, steps=0, at_once=2, statistics=0, variation=0, jitter=0, draw=0)
        check_threads(self)
        above_zero(self, "rate", "limit")
        at_most(self, rate=FASTEST, statistics=HEAVIEST, variation=HEAVIEST)
