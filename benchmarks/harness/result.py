"""What came back from one file on one target: raw samples that never change, and the statistics as methods."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ...targets.counts import Counts, CyclesEstimate, Estimate, Instructions
from ...targets.devices.told import Told
from ...targets.target import Evidence, Period
from .. import stats
from . import checks

ITSELF = "its own first round"  # what outputs are held against where there is nothing else


@dataclass(frozen=True)
class FileFacts:
    """A model file; all but its path is None where it could not be read.

    `precision` is "int8" or "float", what most of its operators compute with; a C package does not say.
    """

    path: str
    sha256: str | None = None
    bytes: int | None = None
    kind: str | None = None
    precision: str | None = None
    operators: int | None = None


@dataclass(frozen=True)
class ArenaBytes:
    """TFLite Micro's tensor arena by its own account: tensors that share memory (head), what lasts (tail), both."""

    total: int
    head: int
    tail: int


@dataclass(frozen=True)
class Output:
    """The outputs on seeded inputs: their digest, what they were held against, and how many values differ."""

    sha256: str
    reference: str
    mismatches: int
    values: int


@dataclass(frozen=True)
class Failure:
    """Why there is no number: the step that failed, the kind of error, and its message with the way out.

    `remedy` is that way out by itself, where a device failed.
    """

    step: str
    code: str
    message: str
    remedy: str | None = None

    @property
    def is_missing(self) -> bool:
        """Whether a tool or a device is what lacks."""
        return self.code == "MissingTool" or self.remedy is not None


@dataclass(frozen=True)
class Result:
    """One row. `rounds_us` holds every counted call in order, round by round, in microseconds; `first_us` the first
    call since the file was loaded; `counts` what an emulated board gave in their place, `instructions` an emulated
    processor; `telemetry` what the machine said before and after; `error` why the rest is empty; `sustained` a
    long run, minute by minute; `told` what a tool on the device said of each round, where it keeps the calls to itself.
    """

    file: FileFacts
    target: str
    evidence: Evidence
    runtime: Mapping[str, Any] | None = None
    first_us: float | None = None
    rounds_us: tuple[tuple[float, ...], ...] = ()
    peak_memory_bytes: int | None = None
    arena: ArenaBytes | None = None
    output: Output | None = None
    counts: Counts | None = None
    instructions: Instructions | None = None
    estimate: Estimate | None = None
    telemetry: Mapping[str, Any] = field(default_factory=dict)
    error: Failure | None = None
    sustained: tuple[Period, ...] = ()
    told: tuple[Told, ...] = ()

    @property
    def key(self) -> str:
        """Target and digest: what the statistics of a report are filed under."""
        return f"{self.target}/{self.file.sha256 or self.file.path}"

    def latency(self) -> stats.Latency | None:
        """None without calls, and always None for what was emulated or estimated."""
        calls = [value for one in self.rounds_us for value in one]
        if not calls or self.evidence is not Evidence.MEASURED:
            return None
        return stats.latency(calls, self.first_us)

    def counted(self) -> Instructions | None:
        """On an emulated board, or on an emulated processor under a runtime."""
        return self.counts.instructions if self.counts else self.instructions

    def cycles(self) -> CyclesEstimate | None:
        """Told from the instructions of a calibrated board, or by an NPU's compiler."""
        return self.counts.cycles_estimate if self.counts else self.estimate.cycles if self.estimate else None

    @property
    def is_wrong(self) -> bool:
        """Whether its outputs are not those of the same runtime elsewhere, or of what C is held to.

        Another runtime, such as LiteRT's forerunner, may round otherwise: that is told, and is no fault.
        """
        if not (self.output and self.output.mismatches) or self.output.reference == ITSELF:
            return False
        _, _, other = self.output.reference.partition("host, ")
        return not other or other.split()[0] == (self.runtime or {}).get("name")

    def degraded(self) -> tuple[checks.Doubt, ...]:
        """Why not to trust it."""
        return tuple(checks.doubts(self.rounds_us, self.first_us, self.telemetry))

    def to_json(self) -> dict[str, Any]:
        """The row of `bench --json`: raw samples and what follows from them; what is unknown is null."""
        latency, instructions = self.latency(), self.counted()
        return {
            "artifact": asdict(self.file),
            "target": self.target,
            "evidence": str(self.evidence),
            "runtime": dict(self.runtime) if self.runtime else None,
            "latency_us": asdict(latency) if latency else self._told(),
            "instructions": asdict(instructions) if instructions else None,
            "cycles_estimate": asdict(cycles) if (cycles := self.cycles()) else None,
            "ram_bytes": self._ram(),
            "flash_bytes": self._flash(),
            "operators": self._operators(),
            "output": self._output(),
            "telemetry": dict(self.telemetry),
            "degraded": [asdict(doubt) for doubt in self.degraded()],
            "error": asdict(self.error) if self.error else None,
            "samples_us": [list(one) for one in self.rounds_us] if latency else None,
            "sustained": [_period(one) for one in self.sustained] or None,
            "told": [asdict(one) for one in self.told] or None,
        }

    def _told(self) -> dict[str, Any] | None:
        """The statistics that follow from what a tool told of its rounds; the others stay null."""
        if not self.told:
            return None
        calls = sum(one.calls for one in self.told)
        mean = sum(one.mean * one.calls for one in self.told) / calls
        known = {"n": calls, "first": self.first_us, "min": min(one.min for one in self.told), "mean": round(mean, 3)}
        return {**dict.fromkeys(one.name for one in fields(stats.Latency)), **known}

    def _ram(self) -> dict[str, Any]:
        """The four named figures belong to a microcontroller; a process has its peak, TFLite Micro its arena."""
        known = asdict(self.counts.ram_bytes) if self.counts else {}
        if self.estimate:
            known = {"total": self.estimate.sram_bytes}
        return {
            **dict.fromkeys(("plan", "stack", "static", "total")),
            **known,
            "process_peak": self.peak_memory_bytes,
            "tflm_arena": asdict(self.arena) if self.arena else None,
        }

    def _flash(self) -> dict[str, Any] | None:
        """An NPU's compiler tells the sum alone."""
        if self.estimate:
            return {"code": None, "weights": None, "total": self.estimate.flash_bytes}
        return asdict(self.counts.flash_bytes) if self.counts else None

    def _operators(self) -> dict[str, int] | None:
        """Where an NPU's compiler puts them."""
        if self.estimate is None:
            return None
        return {"npu": self.estimate.npu_operators, "cpu": self.estimate.cpu_operators}

    def _output(self) -> dict[str, Any] | None:
        if self.output is None:
            return None
        return {**asdict(self.output), "matches_reference": self.output.mismatches == 0}


def _period(period: Period) -> dict[str, Any]:
    """A minute of a long run: its statistics, what the machine said at its end, and the calls that were kept."""
    ordered = sorted(period.latency_us)
    return {
        "end_seconds": period.end,
        "calls": period.calls,
        "p50_us": stats.percentile(ordered, 50),
        "p90_us": stats.percentile(ordered, 90),
        "telemetry": dict(period.facts),
        "samples_us": list(period.latency_us),
    }
