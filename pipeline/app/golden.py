"""One sample with the answer to it, by which an app sees that it feeds a model rightly."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..preprocess import Preprocess
from ..runtimes.interface import Port, describe
from ..runtimes.runtime import run
from ..runtimes.samples import as_input, as_real
from .contract import Contract

LOOKED_AT = 64  # samples among which one is looked for that is answered rightly


@dataclass(frozen=True, eq=False)
class Golden:
    """Raw values (*shape) and what the INT8 file gives for them: integers, and the reals that these stand for.

    `target` is what the data say of this sample, None where they do not; `given` and `returned` are the file's ports.
    """

    raw: NDArray[Any]
    integers: NDArray[Any]
    outputs: NDArray[np.float32]
    target: float | None
    given: Port
    returned: Port
    runtime: Mapping[str, Any]

    @property
    def step(self) -> float:
        """How far two neighbouring outputs lie apart."""
        return float(self.returned.scale or 0.0)

    def to_json(self, contract: Contract) -> dict[str, Any]:
        answer: dict[str, Any] = {"output": _plain(self.outputs), "int8": _plain(self.integers), "step": self.step}
        if contract.task.kind == "classify":
            answer["label"] = contract.task.labels[int(self.outputs.argmax())]
        shape, dtype = list(self.raw.shape), str(self.raw.dtype)
        return {"input": {"shape": shape, "dtype": dtype, "values": _plain(self.raw)}, "expected": answer}


def golden(model: Path, contract: Contract, fed: NDArray[Any], targets: NDArray[Any] | None) -> Golden:
    """The first of the samples `fed` (n, *shape) that the INT8 file answers as `targets` (n,) say, or the first of all.

    Raw values are those that the preprocess turns into what was fed, and the answer is that to these.
    """
    interface = describe(model)
    given, returned = interface.inputs[0], interface.outputs[0]
    raw = raw_of(fed[:LOOKED_AT], contract.preprocess)
    answered = run(model, [as_input(contract.preprocess.apply(raw), given)], "litert")
    integers = answered.outputs[0].reshape(len(raw), -1)
    outputs = as_real(integers, returned)
    place = _right(outputs, contract, targets)
    target = None if targets is None or targets.ndim > 1 else float(targets[place])
    return Golden(raw[place], integers[place], outputs[place], target, given, returned, answered.facts)


def raw_of(fed: NDArray[Any], preprocess: Preprocess) -> NDArray[Any]:
    """Samples (n, *shape) before the preprocess: `apply` takes them to `fed` again, as far as their type tells them."""
    if preprocess.of_tokens:
        return fed.astype(np.int32)
    raw = fed.astype(np.float64) * preprocess.unit + preprocess.zero
    if not np.issubdtype(np.dtype(preprocess.dtype), np.integer):
        return raw.astype(np.float32)
    kind = np.iinfo(preprocess.dtype)
    return np.clip(np.rint(raw), kind.min, kind.max).astype(preprocess.dtype)


def _right(outputs: NDArray[np.float32], contract: Contract, targets: NDArray[Any] | None) -> int:
    if contract.task.kind != "classify" or targets is None:
        return 0
    hits = np.flatnonzero(outputs.argmax(axis=1) == targets[: len(outputs)])
    return int(hits[0]) if len(hits) else 0


def _plain(array: NDArray[Any]) -> list[Any]:
    """Its values in a row, each in as few digits as tell it from its neighbours."""
    flat = array.reshape(-1)
    return [float(str(value)) for value in flat] if flat.dtype.kind == "f" else flat.tolist()
