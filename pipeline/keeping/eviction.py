"""Which artifacts leave a store that has grown beyond its limit: those that were not used for longest."""

import os
import re
from collections.abc import Collection, Iterable

from ..errors import BadInput
from .entry import Entry

VARIABLE = "EDGESTILL_STORE_LIMIT"
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def limit() -> int | None:
    """The most bytes that the store may keep, by `$EDGESTILL_STORE_LIMIT`; None where nobody set one."""
    text = os.environ.get(VARIABLE, "").strip()
    try:
        return size_of(text) if text else None
    except ValueError as error:
        raise BadInput(f"${VARIABLE}: {error}") from error


def size_of(text: str) -> int:
    """Bytes of "20G", "500 MB" or "1.5T", one K being 1024; ValueError says how a size is written."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if not found:
        raise ValueError(f"{text!r} is not a size; write one like 20G, 500M or 1.5T")
    return int(float(found[1]) * UNITS[found[2].upper()])


def in_words(count: int) -> str:
    """17.0 KB, 1.5 GB."""
    unit = next(unit for unit in "TGMK" if count >= UNITS[unit] or unit == "K")
    return f"{count / UNITS[unit]:.1f} {unit}B"


def leaving(entries: Iterable[Entry], most: int, kept: Collection[str] = ()) -> list[Entry]:
    """What to remove so that at most `most` bytes stay, least recently used first; never one of the keys `kept`."""
    everything = list(entries)
    total = sum(entry.bytes for entry in everything)
    gone: list[Entry] = []
    for entry in sorted(everything, key=lambda entry: (entry.used, entry.key)):
        if total <= most:
            break
        if entry.key not in kept:
            gone.append(entry)
            total -= entry.bytes
    return gone
