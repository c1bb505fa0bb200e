"""What the values of flags are made of: numbers, sizes, times and shapes as people write them."""

import argparse
import math


def finite(text: str) -> float:
    """A number that is one."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def days(text: str) -> float:
    """A time that has gone by."""
    value = finite(text)
    if value < 0:
        raise ValueError(text)
    return value


def duration(text: str) -> float:
    """Seconds, of a time such as 90s, 10m or 1.5h."""
    factor = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(text[-1:])
    seconds = finite(text if factor is None else text[:-1]) * (factor or 1.0)
    if seconds < 0:
        raise ValueError(text)
    return seconds


def cores(text: str) -> tuple[int, ...]:
    """Processors such as 2,3."""
    return tuple(int(part) for part in text.split(","))


def in_bytes(text: str) -> int:
    """A size such as 20G."""
    from ...pipeline.keeping.eviction import size_of

    try:
        return size_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def lengths(text: str) -> tuple[int, ...]:
    """A shape such as 1,3,32,32."""
    found = tuple(int(part) for part in text.split(","))
    if min(found) < 1:
        raise ValueError(text)
    return found
