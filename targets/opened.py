"""A file that the agent has open, here or on a device: the same requests and answers everywhere."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..pipeline.progress import advance
from .conversation import Conversation
from .target import Arrays, Period, Plan, Samples

TOLD = ("cores", "clock_us", "interruptions", "before", "after")
KEPT = ("cpu", "arch", "bits", "features", "memory_bytes", "os", "kernel", "libc", "python")


class Exchange(Protocol):
    """How arrays get to the agent's folder and back, as .npy files. `here` is a folder of ours, `there` the agent's."""

    @property
    def here(self) -> Path: ...

    @property
    def there(self) -> str: ...

    def give(self, names: Sequence[str]) -> None:
        """Files of ours become files of its."""
        ...

    def take(self, names: Sequence[str]) -> None:
        """Files of its become files of ours."""
        ...


class Shared:
    """One folder for both."""

    def __init__(self, folder: Path) -> None:
        self.here, self.there = folder, str(folder)

    def give(self, names: Sequence[str]) -> None: ...

    def take(self, names: Sequence[str]) -> None: ...


class Opened:
    """A file open in the agent. `limit_seconds` bounds every answer, beside the seconds of a plan.

    `device` is what the machine said of itself; what decides how fast a file runs there stands in every sample.
    """

    def __init__(
        self,
        child: Conversation,
        exchange: Exchange,
        limit_seconds: float,
        ready: Mapping[str, Any],
        device: Mapping[str, Any] | None = None,
    ) -> None:
        self._child, self._exchange, self._limit = child, exchange, limit_seconds
        self._device = {"device": {key: device.get(key) for key in KEPT}} if device else {}
        self.runtime: dict[str, Any] = ready["runtime"]
        self.inputs: list[dict[str, Any]] = ready["inputs"]  # name, shape, dtype of each

    def infer(self, inputs: Arrays | None = None) -> Arrays:
        """The outputs of one call; BadModel when the runtime refuses the inputs."""
        here, there = self._exchange.here, self._exchange.there
        names = [f"input{index}.npy" for index in range(len(inputs or []))]
        for name, array in zip(names, inputs or [], strict=True):
            np.save(here / name, np.ascontiguousarray(array))
        self._exchange.give(names)
        paths = None if inputs is None else [f"{there}/{name}" for name in names]
        answer = self._child.ask("infer", self._limit, inputs=paths, folder=there)
        outputs = [f"output{index}.npy" for index in range(answer["outputs"])]
        self._exchange.take(outputs)
        return [np.load(here / name) for name in outputs]

    def measure(self, plan: Plan) -> Samples:
        """One round on seeded inputs."""
        answer = self._child.ask(
            "measure",
            self._limit + plan.seconds + plan.warmup_seconds + plan.cool_down,
            **plan.around(),
            warmup=plan.warmup,
            warmup_seconds=plan.warmup_seconds,
            runs=plan.runs,
            seconds=plan.seconds,
        )
        memory = answer["memory"]
        known = memory["peak"] is not None and memory["before"] is not None
        return Samples(
            runtime={**self.runtime, "affinity": answer["affinity"] if plan.cores else None},
            first_us=answer["first_us"],
            latency_us=tuple(answer["latency_us"]),
            peak_memory_bytes=max(0, memory["peak"] - memory["before"]) if known else None,
            output_sha256=answer["output_sha256"],
            facts={**{key: answer[key] for key in TOLD}, **self._device},
        )

    def sustain(self, plan: Plan) -> tuple[Period, ...]:
        """A long run on seeded inputs; whoever listens hears of every period."""
        limit = self._limit + plan.sustain + plan.cool_down
        asked = {"seconds": plan.sustain, "period": plan.period, **plan.around()}
        answer = self._child.ask("sustain", limit, hear=_passed_on, **asked)
        return tuple(
            Period(one["end"], one["calls"], tuple(one["latency_us"]), one["facts"]) for one in answer["periods"]
        )


def _passed_on(event: Mapping[str, Any]) -> None:
    if "p50" in event:
        advance(int(event["done"]), int(event["total"]), f"sustained, p50 {event['p50']:,.0f} µs")
