"""What the rows of a bench say side by side: INT8 against float in words, what may not be compared, and why."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..stats import Interval, speed_ratio
from .likeness import unlike
from .result import Result
from .slower import UNKNOWN, why_slower

STEP_SECONDS = 1.0  # more than clocks are slewed by in a measurement
PRECISION = re.compile(r"[-_.]?(int8|i8|quant(ized)?|float(32)?|fp32|f32)(?=[-_.]|$)", re.I)


@dataclass(frozen=True)
class Twins:
    """An INT8 file and the float file of the same name on one target, and how many times as fast the first is."""

    int8: Result
    real: Result
    ratio: Interval

    @property
    def is_slower(self) -> bool:
        """INT8, beyond doubt."""
        return self.ratio.high is not None and self.ratio.high < 1.0


@dataclass(frozen=True)
class Refused:
    """An INT8 file and the float file of the same name on one target that may not be compared; `fields` are why."""

    int8: Result
    real: Result
    fields: tuple[str, ...]


def readings(results: Sequence[Result]) -> Iterator[tuple[str, str]]:
    """What kind of remark, and its words."""
    timed = [one for one in results if one.latency()]
    found = list(twins(timed))
    for names in dict.fromkeys(_names(one) for one in found):
        same = [one for one in found if _names(one) == names]
        yield "fact", f"{names[0]} beside {names[1]}: {', '.join(map(_said, same))} (95 % intervals)"
    for one in found:
        if one.is_slower:
            why = why_slower(one.int8, one.real) or UNKNOWN
            yield "fact", f"why {_names(one)[0]} is slower on {one.int8.target}: {why}"
    for text in (*_refusals(_refused(timed, found)), *_clocks_set(timed)):
        yield "fact", text


def to_json(results: Sequence[Result]) -> dict[str, list[dict[str, Any]]]:
    """`compared`: every pair that may be, with its ratio, the interval, and why INT8 is slower where it is; `refused`:
    every INT8 file whose float files all differ from it in what has to be alike, with each of them."""
    timed = [row for row in results if row.latency()]
    found = list(twins(timed))
    compared = [
        {
            **_pair(one.int8, one.real),
            "times_as_fast": one.ratio.estimate,
            "low": one.ratio.low,
            "high": one.ratio.high,
            "why_slower": why_slower(one.int8, one.real) if one.is_slower else None,
        }
        for one in found
    ]
    refused = [{**_pair(one.int8, one.real), "reasons": list(one.fields)} for one in _refused(timed, found)]
    return {"compared": compared, "refused": refused}


def _pair(int8: Result, real: Result) -> dict[str, Any]:
    return {"int8": int8.file.path, "float": real.file.path, "target": int8.target}


def twins(results: Sequence[Result]) -> Iterator[Twins]:
    """Every pair that is alike in all but the file."""
    for int8, real in _pairs(results):
        if int8.file.kind == real.file.kind and not unlike(int8, real):
            yield Twins(int8, real, speed_ratio(int8.rounds_us, real.rounds_us))


def _pairs(results: Sequence[Result]) -> Iterator[tuple[Result, Result]]:
    """INT8 and float files of one model on one target, told by their names."""
    for int8 in results:
        for real in results:
            precisions = (int8.file.precision, real.file.precision)
            if precisions == ("int8", "float") and int8.target == real.target and _model(int8) == _model(real):
                yield int8, real


def _refused(results: Sequence[Result], found: Sequence[Twins]) -> Iterator[Refused]:
    """INT8 files that have no float file to stand beside, and what keeps them from those that are there."""
    paired = [one.int8.key for one in found]
    for int8, real in _pairs(results):
        if int8.key not in paired:
            fields = unlike(int8, real) or [f"format ({int8.file.kind}, {real.file.kind})"]
            yield Refused(int8, real, tuple(fields))


def _refusals(refused: Iterator[Refused]) -> Iterator[str]:
    """Once where several targets have the same reason."""
    told: dict[str, list[str]] = {}
    for one in refused:
        differ = "differ" if len(one.fields) > 1 else "differs"
        about = f"{_name(one.int8)} is not compared with {_name(one.real)}: {', '.join(one.fields)} {differ}"
        told.setdefault(about, []).append(one.int8.target)
    for text, targets in told.items():
        yield f"{text} on {', '.join(dict.fromkeys(targets))}"


def _clocks_set(results: Sequence[Result]) -> Iterator[str]:
    """Rows during which somebody set the time of day."""
    for row in results:
        before, after = ((row.telemetry.get(name) or {}).get("clock_offset") for name in ("before", "after"))
        if before is not None and after is not None and abs(after - before) > STEP_SECONDS:
            moved = f"was set by {after - before:+.0f} s meanwhile; its calls are timed by one that nobody sets"
            yield f"{_name(row)} on {row.target}: the clock {moved}"


def _said(one: Twins) -> str:
    where = f"{one.int8.target}'s browser" if _is_browser(one.int8) else one.int8.target
    return f"{told(one.ratio)} on {where}"


def told(ratio: Interval) -> str:
    """2.3× as fast (2.2 to 2.4); as fast, where the interval does not exclude that."""
    factor = f"{ratio.estimate:.1f}" if ratio.estimate < 9.95 else f"{ratio.estimate:.0f}"
    if 0.9 < ratio.estimate < 1.1:
        factor = f"{ratio.estimate:.2f}"
    ends = "" if ratio.low is None else f" ({ratio.low:.2f} to {ratio.high:.2f})"
    return f"{factor}× as fast{ends}" if ratio.excludes(1.0) or not ends else f"as fast as far as one can tell{ends}"


def _is_browser(row: Result) -> bool:
    return str((row.runtime or {}).get("name")).endswith("/wasm")


def _names(one: Twins) -> tuple[str, str]:
    return _name(one.int8), _name(one.real)


def _name(row: Result) -> str:
    return Path(row.file.path).name


def _model(row: Result) -> tuple[Path, str]:
    """The folder, and the name of the model in the name of its file."""
    path = Path(row.file.path)
    return path.parent, PRECISION.sub("", path.stem) or path.stem
