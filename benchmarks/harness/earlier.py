"""What an earlier `bench --json` wrote, and how today's rows compare with it: like with like, or not at all."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...pipeline.errors import BadInput
from ..plain import restore
from ..stats import Interval, ratio_of_separate
from .likeness import unlike
from .readings import told
from .result import Result


def read_earlier(path: Path) -> list[Result]:
    """Its rows that were timed; BadInput when the file is none of ours."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["results"]
        if not isinstance(rows, list):
            raise TypeError(f"results is {rows!r:.60}, expected an array")
        timed = [(place, one) for place, one in enumerate(rows) if any(one["samples_us"] or ())]
        return [_row(one, f"{path}: results[{place}]") for place, one in timed]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput(f"{path}: not what `edgestill bench --json` writes: {error!r}") from error


@dataclass(frozen=True)
class Against:
    """A row beside an earlier one: how many times as fast it is, or the fields in which they differ that must be alike.

    `before` is None where `where`, the earlier file's name, has no such row.
    """

    row: Result
    before: Result | None
    where: str
    fields: tuple[str, ...] = ()
    ratio: Interval | None = None

    def __str__(self) -> str:
        name = f"{Path(self.row.file.path).name} on {self.row.target}"
        if self.before is None:
            return f"{name}: {self.where} has no such file"
        if self.ratio is None:
            differ = "differ" if self.fields[1:] else "differs"
            return f"{name} is not compared with {self.where}: {', '.join(self.fields)} {differ}"
        changed = "" if self.row.file.sha256 == self.before.file.sha256 else ", another file of that name"
        return f"{name}: {told(self.ratio)} as in {self.where}{changed}"

    def to_json(self) -> dict[str, Any]:
        """`reasons` are why there is no ratio; none of both where there was no such row."""
        return {
            "file": self.row.file.path,
            "target": self.row.target,
            "earlier": self.before.file.path if self.before else None,
            "same_bytes": self.before and self.before.file.sha256 == self.row.file.sha256,
            "times_as_fast": self.ratio.estimate if self.ratio else None,
            "low": self.ratio.low if self.ratio else None,
            "high": self.ratio.high if self.ratio else None,
            "reasons": list(self.fields),
        }


def against(results: Sequence[Result], earlier: Sequence[Result], where: str) -> Iterator[Against]:
    """Each timed row with an earlier one: that of the same file, or one of its name, on the same target."""
    for row in results:
        if not row.latency():
            continue
        before = _before(row, earlier)
        if before is None or (fields := unlike(row, before)):
            yield Against(row, before, where, tuple(fields) if before else ())
        else:
            yield Against(row, before, where, ratio=ratio_of_separate(row.rounds_us, before.rounds_us))


def _before(row: Result, earlier: Sequence[Result]) -> Result | None:
    """The same file before one of its name, the same target before any other."""
    name = Path(row.file.path).name
    same = [one for one in earlier if row.file.sha256 == one.file.sha256 or name == Path(one.file.path).name]
    same.sort(key=lambda one: (one.target != row.target, one.file.sha256 != row.file.sha256))
    return same[0] if same else None


def _row(told: Mapping[str, Any], where: str) -> Result:
    """What two rows are compared by; BadInput, which starts with `where`, for what is of another type."""
    known = {name: told[name] for name in ("target", "evidence", "runtime", "telemetry")}
    calls = [[_microseconds(call) for call in one] for one in told["samples_us"]]
    row = restore(Result, {"file": told["artifact"], **known, "rounds_us": calls}, where)
    if not isinstance(row.telemetry.get("device") or {}, Mapping):
        raise BadInput(f"{where}: telemetry: device: a table is wanted here, not {row.telemetry['device']!r:.60}")
    return row


def _microseconds(told: object) -> float:
    """A call's time; ValueError for what no clock gives."""
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 < told <= sys.float_info.max:
        raise ValueError(f"samples_us holds {told!r}; a call takes more than 0 microseconds, and ends")
    return float(told)
