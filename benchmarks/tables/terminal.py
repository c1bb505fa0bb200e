"""The terminal as a follower of a run: one line a step, with a bar and the time left while the work is long."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from ...pipeline.chain import Step
from ...pipeline.stages import name_of
from ...pipeline.store import Made
from .human import counted


class Terminal:
    """Follows steps and long work on standard error; nothing it prints reaches standard output."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)
        self.fresh = 0
        self.found = 0
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[note]}", markup=False, style="dim"),
            TimeRemainingColumn(compact=True),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> "Terminal":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, step: Step) -> None:
        self.start(f"{step.name:<24} {name_of(step.stage):<13}")

    def end(self, step: Step, made: Made) -> None:
        self.fresh += made.fresh
        self.found += not made.fresh
        self.stop()
        if made.fresh:
            self.tick(f"{step.name:<24} ", f"{name_of(step.stage):<13}", made.seconds)

    def conclude(self) -> None:
        """How much of a run was there already."""
        if not self.fresh:
            self.console.print("· everything was made and measured before; there was nothing to do", style="dim")
        elif self.found:
            self.console.print(f"· {counted(self.found, 'step')} more, made before", style="dim")

    def start(self, description: str) -> None:
        """A line for work that begins; `stop` takes it away."""
        self._task = self._progress.add_task(description, total=None, note="")

    def stop(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None

    def advance(self, done: int, total: int, note: str) -> None:
        if self._task is not None:
            self._progress.update(self._task, completed=done, total=total, note=note)

    def say(self, text: str) -> None:
        self.console.print(f"  {text}", markup=False, style="yellow", soft_wrap=True)

    def lane(self, name: str) -> "TerminalLane":
        """A line for work that goes on beside other work."""
        return TerminalLane(self, self._progress, name)

    @contextmanager
    def working(self, description: str) -> Iterator[None]:
        """A line around work that is not a step: a bar while it lasts, its time when it is done."""
        started = time.monotonic()
        self.start(description)
        try:
            yield
        finally:
            self.stop()
        self.fresh += 1
        self.tick(f"{description:<38}", "", time.monotonic() - started)

    def tick(self, what: str, kind: str, seconds: float) -> None:
        """One finished piece of work; what users named is shown as it is, never read as markup."""
        self.console.print(Text.assemble(("✓ ", "green"), what, (kind, "dim"), f" {spent(seconds)}"), soft_wrap=True)


class TerminalLane:
    """The line of one place while several are measured; where there is no terminal, a line for each thing begun."""

    def __init__(self, terminal: Terminal, progress: Progress, name: str) -> None:
        self._terminal, self._progress, self._name = terminal, progress, name
        self._task = progress.add_task(name, total=None, note="")
        self._begun, self._note = time.monotonic(), ""

    def advance(self, done: int, total: int, note: str) -> None:
        self._progress.update(self._task, completed=done, total=total, note=note)
        what = note.split(",")[0]
        if what != self._note and not self._terminal.console.is_terminal:
            self._terminal.console.print(f"· {self._name}: {what}", markup=False, style="dim", soft_wrap=True)
        self._note = what

    def say(self, text: str) -> None:
        self._terminal.say(text)

    def end(self, verdict: str, fine: bool) -> None:
        self._progress.remove_task(self._task)
        mark = ("✓ ", "green") if fine else ("✗ ", "red")
        took = (f" {spent(time.monotonic() - self._begun)}", "dim")
        self._terminal.console.print(Text.assemble(mark, f"{self._name}: {verdict}", took), soft_wrap=True)


def spent(seconds: float) -> str:
    """12 ms, 3.4 s or 2 min 05 s."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"
