"""`python -m edgestill.benchmarks.studies.training_speed`: steps a second, the teacher recorded, live, or none."""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Semaphore
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Table

from ...pipeline.data.catalog import read_data
from ...pipeline.data.dataset import DataSet
from ...pipeline.distillation.guiding import Guiding
from ...pipeline.distillation.options import Training
from ...pipeline.progress import listening
from ...pipeline.scratch import scratch_folder
from ...targets.machine import facts
from ..stats import speed_ratio

if TYPE_CHECKING:
    from ...pipeline.distillation.guidance import Guidance

TEACHERS: Mapping[str, Mapping[str, Any]] = {
    "residual 32-64-128": {"widths": (32, 64, 128)},
    "with stride 2": {"widths": (32, 64, 128), "stride": 2},  # of the recipe fashion-mnist: a quarter of the work
}
STUDENT: tuple[str, Mapping[str, Any]] = ("ds-cnn", {"width": 44})
SOFT: Mapping[str, Any] = {"name": "soft-targets"}
TAUGHT: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "soft targets": (SOFT,),
    "soft targets, hint": (SOFT, {"name": "hint"}),
    "soft targets, attention": (SOFT, {"name": "attention"}),
}
Way = tuple[str, str, str]  # teacher, methods, and how it is heard
BLOCK = 20  # steps that make one sample of a ratio


@dataclass(frozen=True)
class Row:
    """One way to train: wall and processor seconds of each counted step; `heard` is recorded, live, or nothing."""

    teacher: str
    methods: str
    heard: str
    wall: tuple[float, ...]
    processor: tuple[float, ...]

    @property
    def steps_per_second(self) -> float:
        """Of the median step, by the wall clock."""
        return 1 / statistics.median(self.wall)


@dataclass
class Turn:
    """A listener that lets its training take a step only when it is its turn: whatever disturbs it disturbs all."""

    mine: Semaphore
    following: Semaphore
    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def advance(self, done: int, total: int, note: str) -> None:
        if done:
            self.wall[-1] = time.perf_counter() - self.wall[-1]
            self.processor[-1] = time.process_time() - self.processor[-1]
            self.following.release()
        if done < total:
            self.mine.acquire()
            self.wall.append(time.perf_counter())
            self.processor.append(time.process_time())

    def say(self, text: str) -> None: ...


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m edgestill.benchmarks.studies.training_speed", description=__doc__)
    parser.add_argument("--data", default="fashion-mnist", metavar="NAME", help="a data set (fashion-mnist)")
    parser.add_argument("--steps", type=int, default=202, metavar="N", help="of each training, without first and last")
    parser.add_argument("--batch", type=int, default=64, metavar="N", help="samples a step (64)")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"), help="where training-speed.json goes")
    chosen = parser.parse_args(arguments)
    training = Training(epochs=1, batch=chosen.batch, views=1, shift=0)
    rows = measured(_some(read_data(chosen.data, 0), chosen.steps * chosen.batch), training)
    chosen.out.mkdir(parents=True, exist_ok=True)
    document = {
        "schema": 1,
        "machine": facts(),
        "data": chosen.data,
        "batch": chosen.batch,
        "teachers": TEACHERS,
        "student": STUDENT,
        "rows": [asdict(row) for row in rows],
        "derived": derived(rows),
    }
    (chosen.out / "training-speed.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    Console(width=None if sys.stdout.isatty() else 150, highlight=False).print(table(rows))


def measured(
    dataset: DataSet,
    training: Training,
    teachers: Mapping[str, Mapping[str, Any]] = TEACHERS,
    taught: Mapping[str, tuple[Mapping[str, Any], ...]] = TAUGHT,
) -> list[Row]:
    """Every way to train, step by step in turn, in one process."""
    from ...pipeline.distillation.augmentation import augmentation_of
    from ...pipeline.distillation.guidance import Guidance
    from ...pipeline.distillation.live import live
    from ...pipeline.distillation.teacher import net_teacher
    from ...pipeline.distillation.teacher_outputs import recorded, write_outputs
    from ...pipeline.distillation.train import trained

    small = replace(dataset, train=dataset.train.take(np.arange(10 * training.batch)))
    hows = {name: Guiding(methods=methods) for name, methods in taught.items()}
    taps = tuple(dict.fromkeys(path for how in hows.values() for path in how.teacher_taps))
    ways: dict[Way, Guidance | None] = {("", "from scratch", ""): None}
    with ExitStack() as stack:
        for net, options in teachers.items():
            teacher, folder = trained("residual", options, small, training), stack.enter_context(scratch_folder())
            write_outputs(net_teacher(teacher, dataset), dataset, augmentation_of(training), 1, folder, taps)
            for name, how in hows.items():
                found = recorded(folder, dataset, training, how.teacher_taps)
                ways[net, name, "recorded"] = Guidance([found], how)
                heard = stack.enter_context(live(teacher, dataset, how.teacher_taps))
                ways[net, name, "live"] = Guidance([heard], how)
        return _in_turn(ways, dataset, training)


def _in_turn(ways: "Mapping[Way, Guidance | None]", dataset: DataSet, training: Training) -> list[Row]:
    """A thread a training, of which one runs at a time; the first step and the last, with what surrounds them, go.

    Each training leaves torch as it found it, and they begin before others end: all find what was set around them.
    """
    from ...pipeline.distillation.repeatable import repeatable

    gates = [Semaphore(0) for _ in ways]
    turns = [Turn(mine, following) for mine, following in zip(gates, [*gates[1:], gates[0]], strict=True)]
    gates[0].release()
    with repeatable(0, threads=1), ThreadPoolExecutor(len(turns)) as threads:
        ended = [
            threads.submit(_take_turns, guidance, turn, gates, dataset, training)
            for guidance, turn in zip(ways.values(), turns, strict=True)
        ]
    for one in ended:
        one.result()
    return [
        Row(*way, tuple(turn.wall[1:-1]), tuple(turn.processor[1:-1])) for way, turn in zip(ways, turns, strict=True)
    ]


def _take_turns(
    guidance: "Guidance | None", turn: Turn, gates: Sequence[Semaphore], dataset: DataSet, training: Training
) -> None:
    from ...pipeline.distillation.train import trained

    try:
        with listening(turn):
            trained(*STUDENT, dataset, training, guidance)
    except BaseException:
        for gate in gates:  # nobody waits for a turn that will not come
            gate.release(len(dataset.train))
        raise


def _some(dataset: DataSet, samples: int) -> DataSet:
    """The data set with so many samples to train on, and few to judge by."""
    train = dataset.train.take(np.arange(min(samples, len(dataset.train))))
    return replace(
        dataset, train=train, validation=dataset.validation.take(np.arange(min(200, len(dataset.validation))))
    )


def derived(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Of every row its steps per second, and how many times as fast it is as from scratch, and as with a live teacher:
    by the wall clock with an interval, and by the processor's time, which a loaded machine disturbs less."""
    lives = {(row.teacher, row.methods): row for row in rows if row.heard == "live"}
    return [
        {
            "teacher": row.teacher,
            "methods": row.methods,
            "heard": row.heard,
            "steps_per_second": row.steps_per_second,
            "of_scratch": _beside(row, rows[0]),
            "of_live": _beside(row, lives[row.teacher, row.methods]) if row.heard == "recorded" else None,
        }
        for row in rows
    ]


def _beside(row: Row, baseline: Row) -> dict[str, Any]:
    """How many times as fast; the interval is over blocks of steps that were taken side by side."""
    processor = statistics.median(baseline.processor) / statistics.median(row.processor)
    return {"wall": asdict(speed_ratio(_blocks(row.wall), _blocks(baseline.wall))), "processor": processor}


def _blocks(steps: Sequence[float]) -> list[Sequence[float]]:
    return [steps[start : start + BLOCK] for start in range(0, len(steps), BLOCK)]


def table(rows: Sequence[Row]) -> Table:
    """A row a way to train; every ratio by the wall clock, then by the processor's time."""
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("teacher", "methods", "heard", "steps/s", "of scratch", "of a live teacher"):
        made.add_column(title, justify="right" if title.startswith(("of", "steps")) else "left", no_wrap=True)
    for one in derived(rows):
        ratios = [_said(one["of_scratch"]), _said(one["of_live"])]
        made.add_row(one["teacher"], one["methods"], one["heard"], f"{one['steps_per_second']:.1f}", *ratios)
    return made


def _said(found: Mapping[str, Any] | None) -> str:
    return f"{found['wall']['estimate']:.2f}, {found['processor']:.2f}" if found else ""


if __name__ == "__main__":
    main()
