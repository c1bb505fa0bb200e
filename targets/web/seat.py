"""A phone's place in a run: what the server asks of its page, and what the page answers."""

import queue
import secrets
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...pipeline.errors import BadModel, DeviceFailed

STEPS = {"load": "loading it", "infer": "running it", "measure": "measuring it", "unload": "closing it"}
OPEN = "open the page again with a new `edgestill bench`, keep it in front and the screen on"
GONE: Mapping[str, Any] = {"event": "gone"}


class Seat:
    """Empty until a page joins; gone for good when that page closes. `key` is the page's own word for all it asks."""

    def __init__(self, name: str) -> None:
        self.name, self.key = name, secrets.token_urlsafe(16)
        self.joined, self.lost, self.ended = threading.Event(), threading.Event(), threading.Event()
        self.facts: Mapping[str, Any] = {}
        self.files: dict[str, Path] = {}  # sha-256 -> file, of what the page may fetch
        self.opened, self.measured = 0, 0  # files, and rounds of all of them
        self.progress = 0.0  # 0 to 1, of all rounds
        self.requests: queue.Queue[Mapping[str, Any]] = queue.Queue()
        self._answers: queue.Queue[Mapping[str, Any]] = queue.Queue()
        self._asked = 0

    def take(self, facts: Mapping[str, Any]) -> None:
        """A page joins, and says what it is."""
        self.facts = facts
        self.joined.set()

    def hear(self, event: Mapping[str, Any]) -> None:
        """What the page says: progress, an answer, or that it is going."""
        if event["event"] == "progress":
            done = event.get("done")
            self.progress = float(done) if isinstance(done, int | float) else self.progress
        elif event["event"] == "gone":
            self.leave()
        else:
            self._answers.put(event)

    def leave(self) -> None:
        """The page is gone: closed, asleep or out of reach."""
        self.lost.set()
        self._answers.put(GONE)

    def end(self) -> None:
        """Nothing more is asked."""
        self.requests.put({"do": "done", "id": 0})

    def ask(self, step: str, limit_seconds: float, about: str, **values: Any) -> Mapping[str, Any]:
        """The page's answer; BadModel when its runtime refuses the file `about`, DeviceFailed when no answer comes.

        A page that did not answer once is not asked again.
        """
        self._asked += 1
        if not self.lost.is_set():
            self.requests.put({"do": step, "id": self._asked, **values})
        event = self._answer(time.monotonic() + limit_seconds)
        if event is None:
            self.leave()
            what = f"{about}: {STEPS[step]}: no answer within {limit_seconds:g} s"
            raise self.failed(step, "timeout", what, "keep the page in front and the screen on, or allow fewer runs")
        if event is GONE:
            raise self.failed(step, "page-closed", f"{about}: {STEPS[step]}: the page is gone", OPEN)
        if event["event"] == "error":
            raise self._refused(step, about, event)
        return event

    def failed(self, stage: str, code: str, what: str, remedy: str) -> DeviceFailed:
        return DeviceFailed(self.name, stage, code, what, remedy)

    def _answer(self, end: float) -> Mapping[str, Any] | None:
        """The answer to what was asked last; None when time is up."""
        while not self.lost.is_set():
            try:
                event = self._answers.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                return None
            if event is GONE or event.get("id") == self._asked:
                return event
        return GONE

    def _refused(self, step: str, about: str, event: Mapping[str, Any]) -> Exception:
        message = f"{about}: {STEPS[step]}: {' '.join(str(event.get('message')).split())}"
        if event.get("code") == "damaged-copy":
            return self.failed("push", "damaged-copy", message, "measure again")
        return BadModel(f"{self.name}: {message}")
