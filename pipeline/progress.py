"""How long work tells whoever listens how far it is: `track` an iterable, or `say` a line."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

T = TypeVar("T")


class Listener(Protocol):
    """What a terminal, a page or a test must be to follow long work."""

    def advance(self, done: int, total: int, note: str) -> None:
        """`done` of `total` units are behind us; `note` is a few words on how it goes."""
        ...

    def say(self, text: str) -> None:
        """One line that a user should read now."""
        ...


class Silence:
    """Listens to nothing: the default, and what tests use."""

    def advance(self, done: int, total: int, note: str) -> None:
        pass

    def say(self, text: str) -> None:
        pass


SILENCE = Silence()

_listener: ContextVar[Listener] = ContextVar("listener", default=SILENCE)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Inside the block, `track` and `say` reach this listener."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def track(items: Iterable[T], total: int, note: Callable[[], str] = lambda: "") -> Iterator[T]:
    """The items, one by one, while the listener hears how many of `total` are done."""
    listener = _listener.get()
    listener.advance(0, total, note())
    for done, item in enumerate(items, start=1):
        yield item
        listener.advance(done, total, note())


def say(text: str) -> None:
    """Hands one line to the listener."""
    _listener.get().say(text)
