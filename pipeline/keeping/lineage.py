"""All that decides a stage's bytes, and the key that follows from it."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from ..artifact import Artifact, canonical_json, digest
from ..distillation.options import Training
from ..ranks import world
from ..stages import name_of
from ..stages.stage import Stage

FORMAT = 2  # the store's own version: part of every key


def lineage_of(
    stage: Stage, inputs: Mapping[str, Artifact], digest_of: Callable[[Path], str] = digest
) -> dict[str, Any]:
    """All that decides a stage's bytes, as plain JSON values, their keys in order: as an entry's file holds it.

    `digest_of` tells the sha-256 of the user's own source files and folders. Sums of several processes round otherwise
    than those of one: what they train together says how many they were.
    """
    lineage = {
        "stage": name_of(stage),
        "version": stage.version,
        "options": asdict(stage),  # type: ignore[call-overload]
        "inputs": {name: artifact.sha256 for name, artifact in inputs.items()},
        "sources": [[path.name, digest_of(path)] for path in stage.sources()],
        "libraries": {library: _version(library) for library in stage.libraries},
    }
    if world() > 1 and isinstance(stage, Training):
        lineage["processes"] = world()
    made: dict[str, Any] = json.loads(canonical_json(lineage))
    return made


def key_of(lineage: Mapping[str, Any]) -> str:
    """The sha-256 of the lineage's canonical JSON."""
    return hashlib.sha256(canonical_json({"store": FORMAT, **lineage}).encode()).hexdigest()


@cache
def _version(library: str) -> str:
    return metadata.version(library)
