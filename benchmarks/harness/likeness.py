"""Which rows may be compared: only what differs in nothing but the file, or in nothing but the day."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .result import Result

FIELDS: Mapping[str, Callable[[Result], Any]] = {
    "evidence": lambda row: str(row.evidence),
    "target": lambda row: row.target,
    "device": lambda row: (row.telemetry.get("device") or {}).get("cpu"),
    "runtime": lambda row: (row.runtime or {}).get("name"),
    "version": lambda row: (row.runtime or {}).get("version"),
    "threads": lambda row: (row.runtime or {}).get("threads"),
    "affinity": lambda row: (row.runtime or {}).get("affinity"),
}


def unlike(one: Result, other: Result) -> list[str]:
    """Every field in which two rows differ that have to be alike, with what it is: `runtime (litert, onnxruntime)`."""
    return list(_unlike(one, other))


def _unlike(one: Result, other: Result) -> Iterator[str]:
    for name, told in FIELDS.items():
        mine, others = told(one), told(other)
        if mine != others:
            yield f"{name} ({'none' if mine is None else mine}, {'none' if others is None else others})"
