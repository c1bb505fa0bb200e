"""Where files are measured: in one place they take turns, and several places work at the same time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, ExitStack, nullcontext
from contextvars import copy_context
from typing import Protocol

from ...pipeline.progress import Lane, lane, listening, track
from ...targets.target import Target
from ..tables.human import counted
from .result import Failure


class Subject(Protocol):
    """One file on one target; a step that fails is its own affair, and its later steps do nothing."""

    target: Target
    error: Failure | None

    def open(self, stack: ExitStack) -> None:
        """Loads the file; the stack ends that."""
        ...

    def take_turn(self) -> None: ...

    def run_long(self) -> None: ...

    def look_again(self) -> None: ...


class Place:
    """All that is measured in one place, what is loaded there, and its own line of progress where there are several."""

    def __init__(self, subjects: Sequence[Subject], rounds: int) -> None:
        self.subjects, self._rounds = subjects, rounds
        self._loaded, self._over = ExitStack(), False
        self.line: Lane | None = None

    @property
    def name(self) -> str:
        return ", ".join(dict.fromkeys(one.target.name for one in self.subjects))

    def load(self) -> None:
        with self._listening():
            for subject in track(self.subjects, len(self.subjects), lambda: "loading"):
                if not self._over:
                    subject.open(self._loaded)

    def measure(self) -> None:
        with self._listening():
            turns = [subject.take_turn for _ in range(self._rounds) for subject in self.subjects]
            for turn in track(turns, len(turns), lambda: "measuring"):
                self._do(turn)
            for subject in self.subjects:
                self._do(subject.run_long)
            for subject in self.subjects:
                self._do(subject.look_again)
        if self.line:
            self.line.end(*self._verdict())

    def close(self) -> None:
        """Ends what is loaded, and with it whoever waits for an answer; nothing more is begun."""
        self._over = True
        self._loaded.close()

    def _verdict(self) -> tuple[str, bool]:
        """How it went, in a few words, and whether well; each row tells its reason and the way out."""
        errors = [one.error for one in self.subjects if one.error]
        if not errors:
            return f"{counted(len(self.subjects), 'file')} measured", True
        why = ", ".join(dict.fromkeys(f"{one.step}: {one.code}" for one in errors))
        return f"{len(errors)} of {counted(len(self.subjects), 'file')} failed ({why})", False

    def _listening(self) -> AbstractContextManager[None]:
        return listening(self.line) if self.line else nullcontext()

    def _do(self, step: Callable[[], None]) -> None:
        if not self._over:
            step()


def measured_at_once(places: Sequence[Place]) -> None:
    """Loads everything, so that nobody is disturbed by that, and then measures; the first place in our own thread.

    An interrupt ends what runs, everywhere, and waits until it has ended.
    """
    for place in places if len(places) > 1 else ():
        place.line = lane(place.name)
    try:
        _at_once([place.load for place in places], places)
        _at_once([place.measure for place in places], places)
    finally:
        for place in places:
            place.close()


def _at_once(works: Sequence[Callable[[], None]], places: Sequence[Place]) -> None:
    with ThreadPoolExecutor(max(1, len(works) - 1)) as pool:
        others = [pool.submit(copy_context().run, work) for work in works[1:]]
        try:
            for work in works[:1]:
                work()
            for one in as_completed(others):
                one.result()
        except BaseException:
            for place in places:
                place.close()
            raise
