"""Any phone's browser: .tflite files in LiteRT.js, .onnx files in ONNX Runtime Web, both in WebAssembly."""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from ...pipeline.artifact import Artifact, digest
from ...pipeline.errors import BadInput, DeviceFailed, EdgestillError, MissingTool
from ...pipeline.progress import advance
from ...pipeline.scratch import scratch_folder
from ..counts import Agreement
from ..devices.agreement import agreement
from ..setup.parts import WEB_RUNTIMES
from ..target import HERE, Arrays, Device, Evidence, Period, Plan, Samples
from .answers import Unreadable, arrays_of, number_of, packed, samples_of
from .assets import assets
from .pins import LITERT, ONNX_RUNTIME
from .run import GOODBYE_SECONDS, Door, Run
from .seat import Seat
from .twin import Served, served

RUNTIMES = {"tflite": ("litert.js/wasm", LITERT.version), "onnx": ("onnxruntime-web/wasm", ONNX_RUNTIME.version)}
LIMIT_SECONDS, MOST_PHONES = 120.0, 32
SLICE_SECONDS, MOST_KEPT = 5.0, 1000  # of a sustained load: asked for at once, samples that a period keeps
WARMUP_SECONDS = 0.5  # of a file's first round: a browser compiles while it runs
NOT_ISOLATED = "take --threads 1, or reach the page by --https or by cable, which makes it a secure context"


@dataclass(frozen=True)
class Browser:
    """The page at one of a run's seats; `run` is shared by all of them."""

    name: str = "web"
    run: Run = field(default_factory=lambda: Run(["web"], Door()))
    seat: int = 0
    limit_seconds: float = LIMIT_SECONDS

    @property
    def evidence(self) -> Evidence:
        return Evidence.MEASURED

    @property
    def place(self) -> str:
        """Pages of one run take turns; one that no network reaches is on this machine, or hangs on it."""
        return f"the pages of {self.run.seats[0].name}" if self.run.door.lan else HERE

    def probe(self) -> Device:
        """What is told without a phone: whether there is what a page loads."""
        try:
            assets(WEB_RUNTIMES)
        except MissingTool as error:
            return Device(f"cannot be used: {error}", {"error": str(error)})
        name = f"a phone's browser: LiteRT.js {LITERT.version}, ONNX Runtime Web {ONNX_RUNTIME.version}"
        return Device(name, {"runtimes": dict(RUNTIMES.values())})

    @contextmanager
    def load(self, file: Artifact, threads: int = 1) -> Iterator["BrowserLoaded"]:
        """The file, open in the page, which is waited for; an int8 .tflite file as its float-I/O twin.

        BadInput for a kind that no browser runs; BadModel when its runtime refuses the file; DeviceFailed; MissingTool.
        """
        if file.kind not in RUNTIMES:
            raise BadInput(f"{file.path.name}: {self.name} runs .onnx and .tflite files, not {file.kind}")
        with scratch_folder() as folder:
            twin = served(replace(file, path=file.path.resolve()), folder)
            with self.run.seat(self.seat) as seat:
                if threads > 1 and not seat.facts.get("cross_origin_isolated"):
                    what = f"{threads} threads need a page that is isolated, and this one is not"
                    raise seat.failed("load", "not-isolated", what, NOT_ISOLATED)
                loaded = BrowserLoaded(seat, file, twin, threads, self.limit_seconds)
                try:
                    yield loaded
                finally:
                    loaded.close()


class BrowserLoaded:
    """A file open in a page."""

    def __init__(self, seat: Seat, file: Artifact, twin: Served, threads: int, limit_seconds: float) -> None:
        self._seat, self._file, self._twin, self._limit = seat, file, twin, limit_seconds
        self._agreement: Agreement | None = None
        self._rounds, self._was_in_front = 0, True
        name, version = RUNTIMES[file.kind]
        self.runtime: dict[str, Any] = {"name": name, "version": version, "threads": threads, "delegate": "wasm"}
        self.runtime |= {"call": "run", "served": "float-I/O twin" if twin.is_twin else "the file itself"}
        self.runtime["quantized"] = twin.is_quantized
        sha256 = digest(twin.path)
        seat.files[sha256] = twin.path
        asked = {"runtime": name, "threads": threads, "url": f"files/{sha256}", "sha256": sha256}
        self._ask("load", limit_seconds, name=file.path.name, quantized=twin.scales(), **asked)
        seat.opened += 1

    def infer(self, inputs: Arrays | None = None) -> Arrays:
        """The outputs of one call, in the file's own types."""
        given = None if inputs is None else [packed(one) for one in inputs]
        return self._outputs(self._ask("infer", self._limit, inputs=given))

    def measure(self, plan: Plan) -> Samples:
        """One round on seeded inputs; the first warms up longer, and holds the outputs against the host's.

        A sample is the mean of a batch of calls: as many as it takes to outlast the browser's clock.
        """
        if plan.cores:
            raise BadInput(f"{self._file.path.name}: no page can choose its processors; leave out --cores")
        time.sleep(plan.cool_down)
        warm = plan.warmup_seconds if self._rounds else max(plan.warmup_seconds, WARMUP_SECONDS)
        asked = {"runs": plan.runs, "seconds": plan.seconds, "warmup": max(1, plan.warmup), "warmup_seconds": warm}
        place = self._seat.measured
        places = max(place + 1, Plan.rounds * self._seat.opened)
        event = self._ask("measure", self._limit + plan.seconds + warm, place=place, places=places, **asked)
        self._rounds, self._seat.measured = self._rounds + 1, place + 1
        outputs = self._outputs(event)
        if self._agreement is None:
            self._agreement = agreement(self._file, outputs)
        try:
            return Samples(
                runtime=self.runtime,
                first_us=number_of(event, "first_us"),
                latency_us=samples_of(event),
                peak_memory_bytes=None,
                output_sha256=hashlib.sha256(b"".join(one.tobytes() for one in outputs)).hexdigest(),
                facts=self._facts(event),
                agreement=self._agreement,
            )
        except Unreadable as error:
            raise self._nonsense("measure", error) from error

    def sustain(self, plan: Plan) -> tuple[Period, ...]:
        """A long run, asked for in slices, whose pauses a page needs to draw."""
        time.sleep(plan.cool_down)
        start, periods = time.monotonic(), list[Period]()
        while (spent := time.monotonic() - start) < plan.sustain:
            found = self._period(start, min(plan.period, plan.sustain - spent))
            periods.append(found)
            p50 = sorted(found.latency_us)[len(found.latency_us) // 2]
            advance(int(min(found.end, plan.sustain)), int(plan.sustain), f"sustained, p50 {p50:,.0f} µs")
        return tuple(periods)

    def _period(self, start: float, seconds: float) -> Period:
        end, slices = time.monotonic() + seconds, list[Samples]()
        while (left := end - time.monotonic()) > 0 or not slices:
            runs = Plan(warmup=0, runs=10**9, seconds=min(max(left, 0.1), SLICE_SECONDS), warmup_seconds=0.0)
            slices.append(self.measure(runs))
        every = [value for one in slices for value in one.latency_us]
        calls = sum(len(one.latency_us) * one.facts["device"]["calls_per_sample"] for one in slices)
        kept = tuple(every[:: max(1, len(every) // MOST_KEPT)])
        return Period(time.monotonic() - start, calls, kept, slices[-1].facts["after"])

    def close(self) -> None:
        """Gives the phone's memory back; a page that is gone has none of ours."""
        with suppress(EdgestillError):
            self._ask("unload", GOODBYE_SECONDS)

    def _facts(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """`clock_us` is the clock's share of one call: its step over the calls of a batch."""
        batch, step = number_of(event, "batch"), number_of(event, "clock_us")
        device = {**self._seat.facts, "clock_us": step, "calls_per_sample": int(batch)}
        around = {name: _plain(event.get(name)) for name in ("before", "after")}
        self._was_in_front &= all(one.get("visible") is True for one in around.values())
        around["after"]["visible"] = self._was_in_front
        cores = self._seat.facts.get("cores")
        return {"cores": cores, "clock_us": step / max(1.0, batch), "interruptions": None, **around, "device": device}

    def _outputs(self, event: Mapping[str, Any]) -> Arrays:
        try:
            return self._twin.own_outputs(arrays_of(event))
        except (Unreadable, ValueError) as error:
            raise self._nonsense("infer", error) from error

    def _ask(self, step: str, limit: float, **values: Any) -> Mapping[str, Any]:
        return self._seat.ask(step, limit, self._file.path.name, file=self._file.sha256, **values)

    def _nonsense(self, stage: str, error: Exception) -> DeviceFailed:
        remedy = "measure again, in another browser if it stays so"
        return self._seat.failed(stage, "bad-answer", f"the page answered what we cannot read ({error})", remedy)


def browsers(door: Door, phones: int) -> Sequence[Browser]:
    """As many targets as phones that are to join one run: `web`, or `web-1`, `web-2`."""
    if not 1 <= phones <= MOST_PHONES:
        raise BadInput(f"{phones} phones; it must be 1 to {MOST_PHONES}")
    names = ["web"] if phones == 1 else [f"web-{number}" for number in range(1, phones + 1)]
    run = Run(names, door)
    return [Browser(name, run, index) for index, name in enumerate(names)]


def _plain(found: Any) -> dict[str, Any]:
    """What a browser says of its state: yes, no or a number."""
    pairs = found.items() if isinstance(found, dict) else ()
    return {str(key)[:40]: value for key, value in pairs if value is None or isinstance(value, bool | int | float)}
