"""A place that runs a file: what it is, what it can load, and how good the evidence is that it gives."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from numpy.typing import NDArray

from ..pipeline.artifact import Artifact

Arrays = list[NDArray[Any]]


class Evidence(StrEnum):
    """How a number came about; the three never share a column."""

    MEASURED = "measured"
    EMULATED = "emulated"
    ESTIMATED = "estimated"


@dataclass(frozen=True)
class Device:
    """What a target is and has, as its own tools say it."""

    name: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """How to measure: warm-up calls are not counted; `runs` calls are, or fewer once `seconds` have passed."""

    warmup: int = 10
    runs: int = 200
    seconds: float = 10.0
    threads: int = 1


@dataclass(frozen=True)
class Samples:
    """What one measurement gave: every raw latency in microseconds, in order, and the facts it happened under."""

    runtime: Mapping[str, Any]  # name, version, threads, delegate
    first_us: float | None
    latency_us: tuple[float, ...]
    peak_memory_bytes: int | None
    facts: Mapping[str, Any] = field(default_factory=dict)


class Loaded(Protocol):
    """A file on a target, ready to run."""

    def infer(self, inputs: Arrays) -> Arrays:
        """Numbers, for correctness: arrays as the file's inputs want them, the file's outputs back."""
        ...

    def measure(self, plan: Plan) -> Samples:
        """Raw latencies and the device's facts."""
        ...


class Target(Protocol):
    """A place that runs a file."""

    @property
    def name(self) -> str: ...

    @property
    def evidence(self) -> Evidence: ...

    def probe(self) -> Device:
        """What it is and has; changes nothing."""
        ...

    def load(self, file: Artifact) -> AbstractContextManager[Loaded]:
        """Deploys the file and leaves nothing behind."""
        ...
