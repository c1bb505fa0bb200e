"""What a run came to: files, scores, raw samples, and what they were measured on, as one versioned JSON document."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...pipeline.artifact import canonical_json
from ...pipeline.data.dataset import Source
from ...pipeline.errors import BadInput
from ...targets.target import Device, Plan
from ..harness.result import Result
from ..plain import plain, restore
from ..whole import written_whole
from .baseline import Baseline
from .derive import Derived, derive
from .soundness import check_numbers, check_rows
from .variant import Variant

SCHEMA = 1
SEALED = ("created", "device", "plan", "results", "variants", "lineage")


@dataclass(frozen=True)
class Curve:
    """The metric on validation data after each epoch of one training; `kept` numbers the epoch that it kept."""

    variant: str
    seed: int
    validation: tuple[float, ...]
    kept: int = 0


@dataclass(frozen=True)
class LayerParity:
    """Two files at one layer, fed the same integers; `sqnr_db` is signal to quantization noise against float."""

    layer: str
    operator: str
    values: int
    mismatches: int
    max_lsb: int
    sqnr_db: float | None = None


@dataclass(frozen=True)
class Parity:
    """Do two files compute the same? Layer by layer, and end to end, which is told but not judged.

    `agreement` is the share of samples, 0 to 1, for which both say the same label; None where none are told.
    """

    first: str
    second: str
    passed: bool
    layers: tuple[LayerParity, ...]
    end_to_end_max_lsb: int | None = None
    end_to_end_mismatches: int | None = None
    end_to_end_values: int | None = None
    agreement: float | None = None


@dataclass(frozen=True)
class Confusion:
    """Test samples of each true label (row) by the label that a file gave them (column)."""

    file: str
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Scatter:
    """What a file says of test samples (`told`) against what is true, one sequence a value that it gives."""

    file: str
    labels: tuple[str, ...]
    unit: str
    true: tuple[tuple[float, ...], ...]
    told: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Report:
    """Everything that is known of a run; files go by their names, a report tells nothing of the machine's folders.

    `lineage` maps a step's name to the digests and options that made it, `versions` a library to its version; `source`
    says where the data come from, with their digest and licence. Where ways of training were compared, `compared` names
    their rows, simplest first; `baseline` is what an earlier report says.
    """

    recipe: str
    recipe_sha256: str
    data: str
    command: str
    created: str
    device: Device
    plan: Plan
    variants: tuple[Variant, ...]
    results: tuple[Result, ...]
    curves: tuple[Curve, ...] = ()
    parity: tuple[Parity, ...] = ()
    confusion: Confusion | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    lineage: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    scatter: Scatter | None = None
    source: Source | None = None
    compared: tuple[str, ...] = ()
    baseline: Baseline | None = None

    def __post_init__(self) -> None:
        named = tuple(replace(one, file=replace(one.file, path=Path(one.file.path).name)) for one in self.results)
        object.__setattr__(self, "results", named)

    @property
    def derived(self) -> Derived:
        """What follows from it."""
        return derive(self.variants, self.results, self.compared, self.baseline)

    def to_json(self) -> dict[str, Any]:
        """What was recorded, and under `derived` what follows from it; `measured_sha256` seals what was measured."""
        recorded = plain(self)
        return {"schema": SCHEMA, **recorded, "measured_sha256": _seal(recorded), "derived": plain(self.derived)}


def write_report(report: Report, path: Path) -> None:
    """The report as JSON, keys in one order, raw samples included."""
    text = json.dumps(report.to_json(), indent=1, allow_nan=False, ensure_ascii=False)
    with written_whole(path) as beside:
        beside.write_text(text + "\n", encoding="utf-8")


def read_report(path: Path, sealed: bool = False) -> Report:
    """The report that `write_report` wrote; BadInput when it is none, or when what was measured was changed since.

    Its `derived` block is not read but made anew. One that must be `sealed` is refused where it has no digest of what
    was measured.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not a report: {error}") from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise BadInput(f"{path}: a report of schema {schema!r}; this edgestill reads {SCHEMA}")
    check_numbers(document, path.name)
    report = restore(Report, document, path.name)
    check_rows((*report.variants, *(report.baseline.variants if report.baseline else ())), path.name)
    if document.get("measured_sha256", None if sealed else _seal(document)) != _seal(document):
        raise BadInput(f"{path.name}: {', '.join(SEALED)} are not as they were measured and written; run it again")
    return report


def _seal(document: Mapping[str, Any]) -> str:
    """The sha-256 of what came back from targets, where and when, and of scores and what led to them, in its canonical
    JSON."""
    return hashlib.sha256(canonical_json({key: document.get(key) for key in SEALED}).encode()).hexdigest()
