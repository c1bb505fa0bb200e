"""Bounds of options, checked when they are written down; torch is not needed to know them."""


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


def above_zero(options: object, *names: str) -> None:
    """ValueError when one of these options is 0 or less."""
    for name in names:
        value = getattr(options, name)
        if not value > 0:
            raise ValueError(f"{name} is {value}; it must be above 0")


def check_guidance(options: object) -> None:
    """ValueError unless the temperature is above 0 and alpha, the teacher's share of the loss, from 0 to 1."""
    above_zero(options, "temperature")
    alpha = getattr(options, "alpha")  # noqa: B009
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is {alpha}; it is the teacher's share of the loss, from 0 to 1")
