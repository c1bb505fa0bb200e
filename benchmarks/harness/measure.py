"""Measures files on targets: each file on each target is a subject, which becomes a row whatever happens to it."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...pipeline.artifact import Artifact, of_file
from ...pipeline.errors import DeviceFailed, EdgestillError
from ...targets.counts import Counts, Estimate
from ...targets.devices.agreement import QUIET
from ...targets.target import HERE, Arrays, Loaded, Period, Plan, Samples, Sustained, Target
from .places import Place, measured_at_once
from .result import ITSELF, ArenaBytes, Failure, FileFacts, Output, Result


def bench(files: Sequence[Path], targets: Sequence[Target], plan: Plan = Plan()) -> list[Result]:  # noqa: B008 (frozen)
    """A result for every file on every target, in that order.

    The rounds interleave (A B A B ...), so that a drift of the machine is shared by all. Devices are measured at the
    same time, and what shares a machine in turns. A file that fails becomes a result with its error and stops no other;
    nothing is left running, whatever happens.
    """
    subjects = [_Subject(path, target, plan) for path in files for target in targets]
    names = dict.fromkeys(target.place for target in targets)
    places = [Place([one for one in subjects if one.target.place == name], plan.rounds) for name in names]
    places.sort(key=lambda place: place.subjects[0].target.place != HERE if place.subjects else False)
    measured_at_once(places)
    return [subject.result() for subject in subjects]


class _Subject:
    """One file on one target while it is being measured; after a failure its turns do nothing."""

    def __init__(self, path: Path, target: Target, plan: Plan) -> None:
        self.path, self.target, self.plan = path, target, plan
        self.facts = FileFacts(str(path))
        self.loaded: Loaded | None = None
        self.reference: Arrays = []
        self.rounds: list[Samples] = []
        self.sustained: tuple[Period, ...] = ()
        self.output: Output | None = None
        self.arena: ArenaBytes | None = None
        self.error: Failure | None = None

    def open(self, stack: ExitStack) -> None:
        with self.step("load"):
            file = of_file(self.path)
            self.facts = FileFacts(str(self.path), file.sha256, file.bytes, file.kind, *_arithmetic(file))
            self.arena = _arena(file)
            self.loaded = stack.enter_context(self.target.load(file, self.plan.threads))

    def take_turn(self) -> None:
        """One round; the first keeps its outputs as the reference of the last look. What is counted needs no other."""
        if self.loaded and not self.error and not self.is_counted:
            with self.step("measure"), QUIET if self.target.place == HERE else nullcontext():
                self.rounds.append(self.loaded.measure(self.plan.one_round()))
                self.reference = self.reference or ([] if self.is_counted or self.is_told else self.loaded.infer())

    def run_long(self) -> None:
        """As long as the plan says, without a pause; what is counted does not change with time."""
        if self.plan.sustain and isinstance(self.loaded, Sustained) and not self.error and not self.is_counted:
            with self.step("sustain"):
                self.sustained = self.loaded.sustain(self.plan)

    def look_again(self) -> None:
        """Whether the file still gives the outputs of its first round; elsewhere, whether they are the reference's."""
        if self.error or not self.loaded or self.estimate or self.is_told:
            return
        agreed = self.counts.agreement if self.counts else self.rounds[0].agreement
        if agreed and len({one.output_sha256 for one in self.rounds}) == 1:
            self.output = Output(self.rounds[0].output_sha256 or "", agreed.reference, agreed.mismatches, agreed.values)
        else:
            with self.step("infer"):
                self.output = _compared(self.rounds[-1].output_sha256, self.loaded.infer(), self.reference)

    @property
    def counts(self) -> Counts | None:
        return self.rounds[0].counts if self.rounds else None

    @property
    def estimate(self) -> Estimate | None:
        return self.rounds[0].estimate if self.rounds else None

    @property
    def is_counted(self) -> bool:
        return bool(self.rounds and (self.rounds[0].counts or self.rounds[0].instructions or self.estimate))

    @property
    def is_told(self) -> bool:
        """Whether a tool on the device keeps calls and outputs to itself."""
        return bool(self.rounds and self.rounds[0].told)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """What goes wrong inside becomes this row's error."""
        try:
            yield
        except DeviceFailed as error:
            self.error = Failure(error.stage, error.code, str(error), error.remedy)
        except (EdgestillError, OSError) as error:
            self.error = Failure(name, type(error).__name__, str(error))

    def result(self) -> Result:
        """The row; of a file that failed midway no sample is kept."""
        row = Result(self.facts, self.target.name, self.target.evidence, error=self.error)
        if self.error:
            return row
        peaks = [one.peak_memory_bytes for one in self.rounds if one.peak_memory_bytes is not None]
        return replace(
            row,
            runtime=self.rounds[0].runtime,
            first_us=self.rounds[0].first_us,
            rounds_us=tuple(one.latency_us for one in self.rounds),
            peak_memory_bytes=max(peaks) if peaks else None,
            arena=self.arena,
            output=self.output,
            counts=self.counts,
            instructions=self.rounds[0].instructions,
            estimate=self.estimate,
            telemetry=_telemetry(self.rounds),
            sustained=self.sustained,
            told=tuple(one.told for one in self.rounds if one.told),
        )


def _arithmetic(file: Artifact) -> tuple[str | None, int | None]:
    """Precision and number of operators; nothing where the file does not say: whoever runs it will."""
    from ...pipeline.runtimes.interface import arithmetic

    if file.kind not in ("onnx", "tflite"):
        return None, None
    with suppress(EdgestillError):
        found = arithmetic(file.path)
        return found.precision, found.operators
    return None, None


def _arena(file: Artifact) -> ArenaBytes | None:
    """TFLite Micro's arena for a .tflite file that takes integers; None for all others, and where it carries it not."""
    from ...pipeline.runtimes.interface import describe
    from ...pipeline.runtimes.runtime import arena_bytes

    try:
        if file.kind != "tflite" or any(port.dtype == "float32" for port in describe(file.path).inputs):
            return None
        arena = arena_bytes(file.path)
    except EdgestillError:
        return None
    return ArenaBytes(arena.total, arena.head, arena.tail)


def _compared(sha256: str | None, outputs: Arrays, reference: Arrays) -> Output:
    differing = sum(_differing(one, other) for one, other in zip(outputs, reference, strict=True))
    values = sum(int(np.size(one)) for one in outputs)
    return Output(sha256 or "", ITSELF, differing, values)


def _differing(one: NDArray[Any], other: NDArray[Any]) -> int:
    """Values that are not the same; two nan are."""
    return int(((one != other) & ~((one != one) & (other != other))).sum())


def _telemetry(rounds: Sequence[Samples]) -> dict[str, Any]:
    """Before the first round, after the last; interruptions in all, the slowest clock, the processors there are.

    What is counted does not depend on the machine: then it is empty.
    """
    facts = [one.facts for one in rounds if one.facts]
    if not facts:
        return {}
    interruptions = [one["interruptions"] for one in facts]
    return {
        "cores": facts[0].get("cores"),
        "clock_us": max(one["clock_us"] for one in facts),
        "interruptions": None if None in interruptions else sum(interruptions),
        "before": facts[0]["before"],
        "after": facts[-1]["after"],
        **({"device": facts[0]["device"]} if "device" in facts[0] else {}),
    }
