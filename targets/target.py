"""A place that runs a file: what it is, what it can load, and how good the evidence is that it gives."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from ..pipeline.artifact import Artifact
from ..pipeline.errors import BadInput
from .counts import Agreement, Counts, Estimate, Instructions
from .devices.told import Told

Arrays = list[NDArray[Any]]
HERE = "here"  # the place of all that runs on this machine
MINUTE, PERIODS = 60.0, 10


class Evidence(StrEnum):
    """How a number came about; the three never share a column."""

    MEASURED = "measured"
    EMULATED = "emulated"
    ESTIMATED = "estimated"


@dataclass(frozen=True)
class Device:
    """What a target is, in a few words, and what it has, as its own tools say it."""

    name: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """How to measure one file: at least `runs` counted calls in all, or fewer once `seconds` have passed.

    They are spread over `rounds`, in which the files take turns, so that a drift of the machine is shared by all. Every
    round begins with `warmup` calls, and goes on for `warmup_seconds`, that are not counted. p99 wants 1,000 calls.

    `cores` are the processors to run on (none: any). Before each round it rests for `cool_down` seconds, or until it is
    cooler than `cool_to` degrees Celsius. After the rounds each file runs for `sustain` seconds without a pause.
    """

    warmup: int = 10
    runs: int = 1000
    seconds: float = 5.0
    threads: int = 1
    rounds: int = 5
    warmup_seconds: float = 0.05
    cores: tuple[int, ...] = ()
    cool_down: float = 0.0
    cool_to: float | None = None
    sustain: float = 0.0

    def __post_init__(self) -> None:
        for name in ("runs", "threads", "rounds"):
            if getattr(self, name) < 1:
                raise BadInput(f"plan: {name} is {getattr(self, name)}; it must be 1 or more")
        if self.threads > 256:
            raise BadInput(f"plan: threads is {self.threads}; it must be at most 256")
        for name in ("warmup", "seconds", "warmup_seconds", "cool_down", "sustain"):
            if getattr(self, name) < 0:
                raise BadInput(f"plan: {name} is {getattr(self, name)}; it must not be negative")
        if min(self.cores, default=0) < 0:
            raise BadInput(f"plan: cores are {self.cores}; they are numbered from 0 on")

    def one_round(self) -> "Plan":
        """The share of one round."""
        return replace(self, runs=-(-self.runs // self.rounds), seconds=self.seconds / self.rounds, rounds=1)

    @property
    def period(self) -> float:
        """Seconds of a sustained load that have a p50 of their own: a minute, or a tenth of what is shorter."""
        return min(MINUTE, self.sustain / PERIODS)

    def around(self) -> dict[str, Any]:
        """What the agent is asked to do about its surroundings."""
        return {"cores": list(self.cores), "rest_seconds": self.cool_down, "below": self.cool_to}


@dataclass(frozen=True)
class Samples:
    """What one measurement gave: every raw latency in microseconds, in order, and the facts it happened under.

    `first_us` is the first call since the file was loaded. `peak_memory_bytes` is what the process grew by at its peak,
    from the runtime imported and the file still closed; the file's own pages count once they are touched. `counts` is
    what an emulated board gives in place of latencies, `instructions` what an emulated processor does; `agreement` says
    whether a device computes what the host does. `estimate` is all that an NPU's compiler gives, `told` all that a
    benchmark tool does.
    """

    runtime: Mapping[str, Any]  # name, version, threads, delegate, call
    first_us: float | None
    latency_us: tuple[float, ...]
    peak_memory_bytes: int | None
    output_sha256: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    counts: Counts | None = None
    instructions: Instructions | None = None
    estimate: Estimate | None = None
    agreement: Agreement | None = None
    told: Told | None = None


@dataclass(frozen=True)
class Period:
    """A minute or less of a load that does not pause, up to `end` seconds from its beginning: how many calls there
    were, the latencies of some in microseconds, spread evenly, and what the machine said at its end."""

    end: float
    calls: int
    latency_us: tuple[float, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)


class Loaded(Protocol):
    """A file on a target, ready to run."""

    def infer(self, inputs: Arrays | None = None) -> Arrays:
        """Numbers, for correctness: arrays as the file's inputs want them (None: seeded), the file's outputs back."""
        ...

    def measure(self, plan: Plan) -> Samples:
        """One round of raw latencies on seeded inputs, and the device's facts."""
        ...


@runtime_checkable
class Sustained(Loaded, Protocol):
    """A file on a target that can tell how it runs when it runs for long."""

    def sustain(self, plan: Plan) -> tuple[Period, ...]:
        """`plan.sustain` seconds on seeded inputs without a pause."""
        ...


class Target(Protocol):
    """A place that runs a file."""

    @property
    def name(self) -> str: ...

    @property
    def evidence(self) -> Evidence: ...

    @property
    def place(self) -> str:
        """Where it runs: targets of one place are measured in turns, those of others at the same time."""
        ...

    def probe(self) -> Device:
        """What it is and has; changes nothing."""
        ...

    def load(self, file: Artifact, threads: int = 1) -> AbstractContextManager[Loaded]:
        """Deploys the file, opens it with so many threads, and leaves nothing behind."""
        ...
