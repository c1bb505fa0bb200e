"""What an earlier `bench --json` wrote, and how today's rows compare with it: like with like, or not at all."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...pipeline.errors import BadInput
from ...targets.target import Evidence
from ..stats import ratio_of_separate
from .likeness import unlike
from .readings import told
from .result import FileFacts, Result


def read_earlier(path: Path) -> list[Result]:
    """Its rows that were timed; BadInput when the file is none of ours."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["results"]
        return [_row(one) for one in rows if one["samples_us"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path}: not what `edgestill bench --json` writes: {error!r}") from error


def against(results: Sequence[Result], earlier: Sequence[Result], where: str) -> Iterator[str]:
    """For each row how it compares with an earlier one: the same file, or one of its name, on the same target."""
    for row in results:
        if not row.latency():
            continue
        before = _before(row, earlier)
        name = f"{Path(row.file.path).name} on {row.target}"
        if before is None:
            yield f"{name}: {where} has no such file"
        elif fields := unlike(row, before):
            yield f"{name} is not compared with {where}: {', '.join(fields)} {'differ' if fields[1:] else 'differs'}"
        else:
            changed = "" if row.file.sha256 == before.file.sha256 else ", another file of that name"
            yield f"{name}: {told(ratio_of_separate(row.rounds_us, before.rounds_us))} as in {where}{changed}"


def _before(row: Result, earlier: Sequence[Result]) -> Result | None:
    """The same file before one of its name, the same target before any other."""
    name = Path(row.file.path).name
    same = [one for one in earlier if row.file.sha256 == one.file.sha256 or name == Path(one.file.path).name]
    same.sort(key=lambda one: (one.target != row.target, one.file.sha256 != row.file.sha256))
    return same[0] if same else None


def _row(told: Mapping[str, Any]) -> Result:
    return Result(
        file=FileFacts(**told["artifact"]),
        target=told["target"],
        evidence=Evidence(told["evidence"]),
        runtime=told["runtime"],
        rounds_us=tuple(tuple(map(float, one)) for one in told["samples_us"]),
        telemetry=told["telemetry"],
    )
