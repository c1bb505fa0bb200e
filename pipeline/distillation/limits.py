"""Bounds of options, checked when they are written down; torch is not needed to know them."""

MOST_THREADS = 256  # beyond what a system lets a process start, OpenMP ends it without a word of ours
HEAVIEST = 1_000_000  # a method's weight: papers go to 3000, and float32 must still hold gradients times it


def at_least(options: object, **limits: float) -> None:
    """ValueError when an option is below its limit; one that is None is not given."""
    for name, limit in limits.items():
        value = getattr(options, name)
        if value is not None and not value >= limit:
            raise ValueError(f"{name} is {value}; it must be at least {limit}")


def at_most(options: object, **limits: float) -> None:
    """ValueError when an option is above its limit; one that is None is not given."""
    for name, limit in limits.items():
        value = getattr(options, name)
        if value is not None and not value <= limit:
            raise ValueError(f"{name} is {value}; it must be at most {limit}")


def check_threads(options: object) -> None:
    """ValueError unless `threads` is from 1 to as many as a process may have."""
    at_least(options, threads=1)
    at_most(options, threads=MOST_THREADS)


def above_zero(options: object, *names: str) -> None:
    """ValueError when one of these options is 0 or less."""
    for name in names:
        value = getattr(options, name)
        if not value > 0:
            raise ValueError(f"{name} is {value}; it must be above 0")


def check_guidance(options: object) -> None:
    """ValueError unless temperatures are from 0.001 to 1000 and alpha, the teacher's share of the loss, from 0 to 1.

    Beyond those a softmax of float32 is all of one class, or even to the last bit: neither tells anything.
    """
    at_least(options, temperature=1e-3, temperature_end=1e-3)
    at_most(options, temperature=1e3, temperature_end=1e3)
    for name in ("alpha", "alpha_end"):
        alpha = getattr(options, name)
        if alpha is not None and not 0 <= alpha <= 1:
            raise ValueError(f"{name} is {alpha}; it is the teacher's share of the loss, from 0 to 1")
