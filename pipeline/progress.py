"""How long work tells whoever listens how far it is: `track` an iterable, or `say` a line."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar, runtime_checkable

T = TypeVar("T")


class Listener(Protocol):
    """What a terminal, a page or a test must be to follow long work."""

    def advance(self, done: int, total: int, note: str) -> None:
        """`done` of `total` units are behind us; `note` is a few words on how it goes."""
        ...

    def say(self, text: str) -> None:
        """One line that a user should read now."""
        ...


class Lane(Listener, Protocol):
    """A listener's own line for one of several works that go on at the same time."""

    def end(self, verdict: str, fine: bool) -> None:
        """That work is over, and how it went in a few words."""
        ...


@runtime_checkable
class Lanes(Listener, Protocol):
    """A listener that keeps such lines."""

    def lane(self, name: str) -> Lane:
        """A new one."""
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


def track(items: Iterable[T], total: int, note: Callable[[], str] = lambda: "", behind: int = 0) -> Iterator[T]:
    """The items, one by one, while the listener hears how many of `total` are done; `behind` were before the first."""
    listener = _listener.get()
    listener.advance(behind, total, note())
    for done, item in enumerate(items, start=behind + 1):
        yield item
        listener.advance(done, total, note())


def advance(done: int, total: int, note: str) -> None:
    """Tells the listener how far it is."""
    _listener.get().advance(done, total, note)


def lane(name: str) -> Lane | None:
    """A line of its own; None where the listener keeps none."""
    listener = _listener.get()
    return listener.lane(name) if isinstance(listener, Lanes) else None


def say(text: str) -> None:
    """Hands one line to the listener."""
    _listener.get().say(text)
