"""One file, or one folder digested as its sorted files: what stages take and give."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from .errors import BadArtifact, BadData, choices

Kind = Literal[
    "dataset",
    "checkpoint",
    "embeddings",
    "teacher",
    "teacher-outputs",
    "calibration",
    "onnx",
    "tflite",
    "ort",
    "c",
    "app",
    "costs",
    "scores",
    "report",
]

SUFFIX: Mapping[Kind, str] = {  # a kind without a suffix is a folder
    "dataset": "",
    "checkpoint": ".safetensors",
    "embeddings": "",
    "teacher": "",
    "teacher-outputs": "",
    "calibration": ".npz",
    "onnx": ".onnx",
    "tflite": ".tflite",
    "ort": ".ort",
    "c": "",
    "app": "",
    "costs": ".json",
    "scores": "",
    "report": ".json",
}


@dataclass(frozen=True)
class Artifact:
    """A file or folder with its kind, its sha-256 and where it came from.

    `lineage` is the stage's name, options and input digests as plain JSON values; empty for a file of the user's own.
    """

    path: Path
    kind: Kind
    sha256: str
    lineage: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def bytes(self) -> int:
        """Size in bytes; of a folder, the sum of its files."""
        return sum(file.stat().st_size for file in _files(self.path))


def digest(path: Path) -> str:
    """The sha-256 of a file, or of a folder's sorted relative names and file digests; BadData where one is closed."""
    if path.is_file():
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except PermissionError as error:
            raise _closed(path, error) from error
    whole = hashlib.sha256()
    for file_path in _files(path):
        whole.update(f"{file_path.relative_to(path).as_posix()}\0{digest(file_path)}\n".encode())
    return whole.hexdigest()


def of_file(path: Path) -> Artifact:
    """A model file of the user's own, or the folder of a C package, as an artifact; its kind is told by its ending."""
    if (path / "manifest.json").is_file() and (path / "model.c").is_file():
        return Artifact(path, "c", digest(path))
    kinds = {suffix: kind for kind, suffix in SUFFIX.items() if suffix}
    if path.is_dir():
        raise BadArtifact(f"{path}: a folder without manifest.json and model.c, so no C package; name a file")
    if not path.is_file():
        raise BadArtifact(f"{path}: no such file")
    if path.suffix not in kinds:
        there_are = choices(kinds, besides=", or a C package's folder")
        raise BadArtifact(f"{path}: unknown ending {path.suffix!r}; there are {there_are}")
    return Artifact(path, kinds[path.suffix], digest(path))


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise BadArtifact(f"{path}: no such file or folder")
    return files_within(path)


def files_within(folder: Path) -> list[Path]:
    """Every file in the folder and the folders below it, linked ones too, sorted; a loop of links is entered once."""
    return sorted(Path(entry.path) for entry in entries_within(str(folder)))


def entries_within(folder: str, above: frozenset[str] = frozenset()) -> Iterator[os.DirEntry[str]]:
    """The same files unsorted, as the file system's own entries: plain names, for there may be many.

    BadData names a folder among them that is closed to us.
    """
    real = os.path.realpath(folder)
    if real in above:
        return
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir():
                    yield from entries_within(entry.path, above | {real})
                elif entry.is_file():
                    yield entry
    except OSError as error:
        raise _closed(folder, error) from error


def _closed(path: Path | str, error: OSError) -> BadData:
    why = error.strerror or str(error)
    return BadData(
        f"{path}: cannot be read: {why}; let it be read (`chmod`), take it away, or name a folder without it"
    )


def canonical_json(values: Any) -> str:
    """The one spelling of plain JSON values: keys sorted, no spaces, ASCII; ValueError on nan and infinity."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
