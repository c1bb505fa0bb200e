"""HashedWords and HashedBytes: tokenisers without a vocabulary, in a few lines of C on a device."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .front_end import settings, whole

PADDING = 0
BUCKETS = (2, 2**24)  # the least and the most
LENGTH = (1, 2**16)
_WORD = re.compile(rb"[a-z0-9\x80-\xff]+")
_SPACE = re.compile(rb"[\t\n\v\f\r ]+")


@lru_cache(maxsize=2**16)
def fnv1a(data: bytes) -> int:
    """The 32-bit FNV-1a hash (Fowler, Noll, Vo; IETF draft-eastlake-fnv): xor a byte, multiply by the prime."""
    state = 0x811C9DC5
    for byte in data:
        state = ((state ^ byte) * 0x01000193) & 0xFFFFFFFF
    return state


def lowered(text: str) -> bytes:
    """UTF-8 with A to Z in lower case, every other byte as it is; a lone surrogate becomes a question mark."""
    return text.encode("utf-8", "replace").lower()


@dataclass(frozen=True)
class HashedWords:
    """The first `length` words of a text as numbers from 1 to `buckets` - 1; 0 fills up what is shorter.

    A word is the longest run of a-z, 0-9 and bytes of 128 and more in the lowered UTF-8 text; its number is
    1 + fnv1a(word) modulo (`buckets` - 1).
    """

    buckets: int = 2048
    length: int = 128

    name: ClassVar[str] = "hashed-words"

    def __post_init__(self) -> None:
        whole(f"front end {self.name!r}", buckets=(self.buckets, *BUCKETS), length=(self.length, *LENGTH))

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.length,)

    def apply(self, raw: Sequence[str]) -> NDArray[np.int32]:
        """n texts -> (n, length) int32."""
        return _numbered((_words(text) for text in raw), len(raw), self.buckets, self.length)

    def to_json(self) -> dict[str, Any]:
        return settings(self)


@dataclass(frozen=True)
class HashedBytes:
    """The first `length` runs of `n` bytes of a text as numbers from 1 to `buckets` - 1; 0 fills up what is shorter.

    Runs overlap: each starts one byte after the one before. The text is lowered UTF-8, whose runs of white space
    (tab, line feed, vertical tab, form feed, carriage return, space) count as one space, none at either end. A text
    of fewer than `n` bytes is one run, an empty one none. A run's number is 1 + fnv1a(run) modulo (`buckets` - 1).
    """

    n: int = 3
    buckets: int = 2048
    length: int = 256

    name: ClassVar[str] = "hashed-bytes"

    def __post_init__(self) -> None:
        owner = f"front end {self.name!r}"
        whole(owner, n=(self.n, 1, 64), buckets=(self.buckets, *BUCKETS), length=(self.length, *LENGTH))

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.length,)

    def apply(self, raw: Sequence[str]) -> NDArray[np.int32]:
        """n texts -> (n, length) int32."""
        return _numbered((_runs(text, self.n) for text in raw), len(raw), self.buckets, self.length)

    def to_json(self) -> dict[str, Any]:
        return settings(self)


def _words(text: str) -> Iterator[bytes]:
    return (found.group() for found in _WORD.finditer(lowered(text)))


def _runs(text: str, n: int) -> Iterator[bytes]:
    plain = _SPACE.sub(b" ", lowered(text)).strip(b" ")
    count = max(len(plain) - n, 0) + 1 if plain else 0
    return (plain[start : start + n] for start in range(count))


def _numbered(texts: Iterable[Iterator[bytes]], count: int, buckets: int, length: int) -> NDArray[np.int32]:
    """One row a text: the numbers of its first tokens, then padding."""
    numbers = np.full((count, length), PADDING, np.int32)
    for row, tokens in zip(numbers, texts, strict=True):
        for place, token in zip(range(length), tokens, strict=False):
            row[place] = 1 + fnv1a(token) % (buckets - 1)
    return numbers
