"""The measuring agent inside an emulated processor: it marks calls, and the emulator counts between the marks."""

from __future__ import annotations

import contextlib
import gc
import os
from typing import Any

import measure  # type: ignore[import-not-found]  # it lies beside, where this is run

EMPTY, BEGIN, END = 1, 2, 3  # as `targets/emulation/emulated_pi.py` reads them
MARK = 0x5EED0000  # no process has such a number, so asking for its session fails and changes nothing
WARM_CALLS, EMPTY_PAIRS = 2, 5


def mark(point: int) -> None:
    with contextlib.suppress(OSError):
        os.getsid(MARK | point)


class CountingAgent(measure.Agent):  # type: ignore[misc]
    """Counts instructions in place of time: {"do": "count", "calls": 3, "seed": 0} -> result."""

    def count(self, calls: int, seed: int = 0) -> None:
        self.feed(None, seed)
        for _ in range(WARM_CALLS):
            self.call()
        run: Any = self.model.run
        gc.disable()
        for _ in range(EMPTY_PAIRS + 1):
            mark(EMPTY)
        for _ in range(calls):
            mark(BEGIN)
            run()
            mark(END)
        gc.enable()
        self.say("result", output_sha256=measure.digest(self.model.fetch()))


if __name__ == "__main__":
    measure.main(CountingAgent)
