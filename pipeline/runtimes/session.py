"""What a runtime is to the child process: a file opened once, then run batch by batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

Arrays = Sequence[NDArray[Any]]
ANY_BATCH = 32  # samples that go into one run where the file takes any number


@dataclass(frozen=True)
class Run:
    """What one run gave: the outputs in the file's order, and every intermediate by name when they were asked for."""

    outputs: Arrays
    tensors: Mapping[str, NDArray[Any]]


class Session(Protocol):
    """Opened as `Runtime(path, every_tensor)`; one thread, so that numbers repeat."""

    @property
    def batch(self) -> int:
        """How many samples a run takes."""
        ...

    def facts(self) -> Mapping[str, Any]:
        """The runtime's version and what else it tells about this file; plain JSON values."""
        ...

    def run(self, inputs: Arrays) -> Run:
        """One run on arrays (batch, ...); raises whatever the runtime raises."""
        ...
