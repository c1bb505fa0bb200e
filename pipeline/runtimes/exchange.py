"""What a parent and its child process lay into a folder for each other: a request, arrays, an answer."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..disk import SIZE, SPACE

SHORT_OF = {28: SPACE, 27: SIZE}  # the child's exit code where its folder takes no more -> what is short
STEP = 60  # characters, more than any step has


@dataclass(frozen=True)
class Request:
    """Which file to open in which runtime; arrays lie beside it under "inputs", or none when it is only opened."""

    path: str
    runtime: str
    every_tensor: bool = False
    runs: bool = True


@dataclass(frozen=True)
class Answer:
    """What came of it: the runtime's facts and the names of the arrays under "tensors"; or why it was refused."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    names: Sequence[str] = ()
    refusal: str = ""


def write_request(folder: Path, request: Request) -> None:
    (folder / "request.json").write_text(json.dumps(asdict(request)))


def read_request(folder: Path) -> Request:
    return Request(**json.loads((folder / "request.json").read_text()))


def write_answer(folder: Path, answer: Answer) -> None:
    (folder / "answer.json").write_text(json.dumps(asdict(answer)))


def read_answer(folder: Path) -> Answer:
    return Answer(**json.loads((folder / "answer.json").read_text()))


def write_step(folder: Path, step: str) -> None:
    """Says what is about to be done, so that a death can be told with its place.

    It is written over what was said before: to empty the file first can wait for the disk, every time.
    """
    file = os.open(folder / "step", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.pwrite(file, step.ljust(STEP).encode(), 0)
    finally:
        os.close(file)


def read_step(folder: Path) -> str:
    step = folder / "step"
    return step.read_text().rstrip() if step.exists() else "starting"


def write_arrays(folder: Path, name: str, arrays: Sequence[NDArray[Any]]) -> None:
    np.savez(folder / f"{name}.npz", **{str(index): array for index, array in enumerate(arrays)})  # type: ignore[arg-type]


def read_arrays(folder: Path, name: str) -> list[NDArray[Any]]:
    with np.load(folder / f"{name}.npz", allow_pickle=False) as arrays:
        return [arrays[str(index)] for index in range(len(arrays.files))]
