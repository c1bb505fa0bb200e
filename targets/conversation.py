"""A child process that runs the agent: one line asks, it answers, and whatever happens nothing is left behind."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Self

from ..pipeline.disk import no_space, shortage
from ..pipeline.errors import BadModel, EdgestillError, MissingTool, RuntimeDied
from ..pipeline.scratch import CURE

AGENT = (sys.executable, str(resources.files("edgestill.targets") / "agents" / "measure.py"))
GRACE_SECONDS = 5.0  # the agent's own limit comes this much after ours
LAST_WORDS = 400  # characters of a dead child's standard error that a message repeats
OUT_OF_MEMORY = re.compile("MemoryError|Unable to allocate|Failed to allocate memory|bad_alloc")
STEPS = {
    "load": "loading it",
    "infer": "running it",
    "measure": "measuring it",
    "sustain": "running it for long",
    "count": "counting it",
}
Hearer = Callable[[Mapping[str, Any]], None]


class Conversation:
    """Asks the agent about one file, which every error names. Close it, or use it in a `with` block."""

    def __init__(
        self, file: Path, command: tuple[str, ...] = AGENT, environment: Mapping[str, str] | None = None
    ) -> None:
        self._file = file
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the child)
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            start_new_session=True,  # Ctrl-C reaches us alone, and we end the child
        )
        assert self._child.stdin and self._child.stdout
        self._to, self._from = self._child.stdin, self._child.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, step: str, limit_seconds: float, hear: Hearer = lambda _: None, **values: Any) -> Mapping[str, Any]:
        """The answer's event; `hear` is told of progress before it.

        BadModel when the runtime refuses; MissingTool when it is not there; RuntimeDied when the child dies, or has
        not answered after `limit_seconds`.
        """
        request = {"do": step, "limit_seconds": limit_seconds + GRACE_SECONDS, **values}
        late = threading.Event()
        timer = threading.Timer(limit_seconds, self._give_up, [late])
        timer.daemon = True
        timer.start()
        try:
            event = self._exchange(json.dumps(request).encode() + b"\n", hear)
        finally:
            timer.cancel()
        if event is None:
            raise self._died(step, limit_seconds if late.is_set() else None)
        if event["event"] == "error":
            raise self._refused(step, event)
        return event

    def close(self) -> None:
        """Ends the child: closing its input is enough for a healthy one, any other is killed with its group."""
        with contextlib.suppress(BrokenPipeError):
            self._to.close()
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout=0.5)
        finally:
            self._kill()
            self._child.wait()
            self._from.close()
            self._errors.close()

    def _exchange(self, request: bytes, hear: Hearer = lambda _: None) -> dict[str, Any] | None:
        """The first event after the request that is not mere progress; None when the child is gone."""
        with contextlib.suppress(BrokenPipeError):
            self._to.write(request)
            self._to.flush()
        for line in self._from:
            if not line.endswith(b"\n"):  # it ended halfway through
                return None
            event = self._event(line)
            if event is None:
                raise self._nonsense(line.decode(errors="replace").strip())
            if event["event"] == "ended":
                return None
            if event["event"] != "progress":
                return event
            hear(event)
        return None

    def _event(self, line: bytes) -> dict[str, Any] | None:
        """An event; None when the line is none."""
        try:
            event = json.loads(line)
        except ValueError:
            return None
        return event if isinstance(event, dict) and "event" in event else None

    def _refused(self, step: str, event: Mapping[str, Any]) -> EdgestillError:
        message = " ".join(str(event["message"]).replace(str(self._file.parent) + os.sep, "").split())
        if short := shortage(message):
            return no_space(f"{self._file.name}: {STEPS[step]}", CURE, short)
        if OUT_OF_MEMORY.search(message):
            message = f"it asks for more memory than a file of its size gets ({message})"
        error = MissingTool if event["code"] == "runtime-missing" else BadModel
        return error(f"{self._file.name}: {STEPS[step]}: {message}")

    def _nonsense(self, line: str) -> EdgestillError:
        return RuntimeDied(f"{self._file.name}: the runtime's process answered what is no event: {line[:LAST_WORDS]}")

    def _give_up(self, late: threading.Event) -> None:
        late.set()
        self._kill()

    def _kill(self) -> None:
        if self._child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)

    def _died(self, step: str, limit_seconds: float | None) -> EdgestillError:
        code = self._child.wait()
        if limit_seconds is not None:
            why = f"no answer within {limit_seconds:g} s"
        elif code < 0:
            why = f"the runtime died of signal {-code} ({signal.Signals(-code).name})"
        else:
            why = f"the runtime's process ended with exit code {code}"
        said = self._last_words()
        return RuntimeDied(f"{self._file.name}: {STEPS[step]}: {why}" + (f"; it said: {said}" if said else ""))

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1][-LAST_WORDS:] if lines else ""
