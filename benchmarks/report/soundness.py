"""What no report of ours holds: numbers that are none, amounts below nothing, scores that no seed belongs to."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...pipeline.errors import BadInput
from .variant import Variant

AMOUNTS = frozenset(
    ("bytes", "parameters", "macs", "seeds", "seconds", "counts", "values", "mismatches", "calls")
    + ("rounds_us", "first_us", "p50_us", "latency_us", "peak_memory_bytes", "total", "head", "tail")
)  # keys whose numbers are never below 0
FREE = ("derived", "lineage", "facts", "telemetry", "runtime")  # keys under which a device or a library names things
LARGEST = 2**63


def check_numbers(document: Mapping[str, Any], where: str) -> None:
    """BadInput, which starts with `where`, for the first number of a JSON document that was never measured."""
    for key, place, number in _numbers(document):
        if isinstance(number, float) and not math.isfinite(number):
            raise BadInput(f"{where}: {place} is {number}; a finite number is wanted")
        if key and abs(number) > LARGEST:
            raise BadInput(f"{where}: {place} is larger than anything that is measured")
        if key in AMOUNTS and number < 0:
            raise BadInput(f"{where}: {place} is {number}; nothing below 0 can be measured there")


def _numbers(document: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """Every number in it, after the key that it stands under ("" where keys are free) and its whole place."""
    waiting: list[tuple[str, str, Any]] = [("", "", document)]
    while waiting:
        key, place, value = waiting.pop()
        if isinstance(value, Mapping):
            free = key in FREE or (key == "" and place != "")
            waiting += reversed([("" if free else name, f"{place}: {name}", part) for name, part in value.items()])
        elif isinstance(value, list):
            waiting += [(key, f"{place}[{number}]", part) for number, part in reversed(list(enumerate(value)))]
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield key, place.removeprefix(": "), value


def check_rows(rows: Iterable[Variant], where: str) -> None:
    """BadInput for a row whose scores and seeds do not pair, or whose percentages are none."""
    for row in rows:
        if len(set(row.seeds)) < len(row.seeds):
            raise BadInput(f"{where}: row {row.name!r}: seeds holds one seed twice: {list(row.seeds)}")
        for name in ("validation", "test", "seconds"):
            found = getattr(row, name)
            if found and len(found) != len(row.seeds):
                raise BadInput(
                    f"{where}: row {row.name!r}: {name} has {len(found)} values for {len(row.seeds)} seeds; it must "
                    "have one each, or none at all"
                )
        wrong = [score for score in (*row.validation, *row.test) if row.metric.unit == "%" and not 0 <= score <= 100]
        if wrong:
            raise BadInput(f"{where}: row {row.name!r}: {row.metric.name} is {wrong[0]:g} %; it is from 0 to 100")
