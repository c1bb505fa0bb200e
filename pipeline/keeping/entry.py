"""One stored artifact: the folder with its bytes, and the sealed entry.json that tells of them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..artifact import SUFFIX, Artifact, canonical_json, digest
from ..errors import BadArtifact
from .lineage import key_of

FILE = "entry.json"
SEAL = "seal"  # in the file: the sha-256 of all the rest of it
DAMAGED = "(damaged)"


@dataclass(frozen=True)
class Entry:
    """One stored artifact as its entry.json tells it; `made_for` names the recipe and the step that made it."""

    key: str
    stage: str
    made_for: str
    folder: Path
    bytes: int
    seconds: float  # of work that made it
    used: float  # seconds since the epoch at which it was last made or read


def write_entry(artifact: Artifact, seconds: float, made_for: str) -> None:
    """Writes the entry.json beside the artifact."""
    about = {
        "kind": artifact.kind,
        "sha256": artifact.sha256,
        "bytes": artifact.bytes,
        "seconds": seconds,
        "made_for": made_for,
        "lineage": artifact.lineage,
    }
    artifact.path.with_name(FILE).write_text(_sealed(about))


def seconds_of(artifact: Artifact) -> float:
    """The seconds of work that made a stored artifact, by the clock on the wall."""
    return float(_unsealed(artifact.path.with_name(FILE))["seconds"])


def told(folder: Path) -> Artifact | None:
    """What the entry.json of a folder tells, its artifact's bytes not read; None when there is none.

    BadArtifact when it is not what `write_entry` wrote, to the last byte.
    """
    file = folder / FILE
    if not file.is_file():
        return None
    about = _unsealed(file)
    if about["kind"] not in SUFFIX:
        raise BadArtifact(f"{file}: of another version of edgestill: nothing is of kind {about['kind']!r} here")
    path = file.with_name(f"artifact{SUFFIX[about['kind']]}")
    if key_of(about["lineage"]) != folder.name:
        raise BadArtifact(f"{file}: damaged: it lies under another key than its lineage has")
    return Artifact(path, about["kind"], about["sha256"], about["lineage"])


def whole(folder: Path) -> Artifact | None:
    """As `told`, with every byte of the artifact read; BadArtifact when they are not those that were written."""
    artifact = told(folder)
    if artifact is None:
        return None
    try:
        same = digest(artifact.path) == artifact.sha256
    except (OSError, BadArtifact) as error:
        raise BadArtifact(f"{artifact.path}: damaged: {error}") from error
    if not same:
        wrote = artifact.lineage["stage"]
        raise BadArtifact(f"{artifact.path}: damaged: these are not the bytes that {wrote} wrote")
    return artifact


def listed(folder: Path) -> Entry:
    """The entry in a folder; one whose entry.json is damaged has no stage, and the bytes that are there."""
    used = (folder / FILE).stat().st_mtime if (folder / FILE).exists() else folder.stat().st_mtime
    try:
        about = _unsealed(folder / FILE)
        stage = about["lineage"]["stage"]
        return Entry(folder.name, stage, about["made_for"], folder, about["bytes"], about["seconds"], used)
    except (BadArtifact, KeyError, TypeError):
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        return Entry(folder.name, DAMAGED, "", folder, size, 0.0, used)


def _sealed(about: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in about.items() if name != SEAL}
    seal = hashlib.sha256(canonical_json(rest).encode()).hexdigest()
    return json.dumps({**rest, SEAL: seal}, indent=1, sort_keys=True)


def _unsealed(file: Path) -> dict[str, Any]:
    """The file's values; BadArtifact unless writing them again gives the same bytes."""
    try:
        raw = file.read_bytes()
        about: dict[str, Any] = json.loads(raw)
        if _sealed(about).encode() == raw:
            return about
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise BadArtifact(f"{file}: damaged: {error}") from error
    raise BadArtifact(f"{file}: damaged: these are not the bytes that were written")
