"""Where each activation and each scratch lies in the package's one array."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from ..graph.graph import Graph
from ..graph.liveness import Buffer
from ..graph.operators import Reshape
from ..graph.plan import packed
from ..graph.tensor import Tensor
from .layer import Step

ALIGNMENT = 8  # bytes: kernels load words, and pairs of words


@dataclass(frozen=True)
class Arena:
    """Byte offsets of the activations by tensor name and of the scratches by layer name; `least` bounds any plan."""

    offsets: Mapping[str, int]
    scratches: Mapping[str, int]
    bytes: int
    least: int


def arena(graph: Graph, steps: Sequence[Step]) -> Arena:
    """The plan of a graph whose layers these are, in the order in which they run."""
    kept = _Lives(graph, steps).buffers()
    found = packed(kept)
    names = {step.site.name for step in steps if step.layer.scratch}
    return Arena(
        {name: offset for name, offset in found.offsets.items() if name not in names},
        {name: offset for name, offset in found.offsets.items() if name in names},
        found.bytes,
        found.least,
    )


def tensor_bytes(tensor: Tensor) -> int:
    """Of one sample."""
    return prod(tensor.shape) * np.dtype(tensor.dtype).itemsize


class _Lives:
    """Which tensors share a buffer, and from which step to which each buffer is needed; step 0 sets the inputs."""

    def __init__(self, graph: Graph, steps: Sequence[Step]) -> None:
        self._graph, self._steps = graph, steps
        self._last = self._last_reads()
        self._homes: dict[str, str] = {}
        self._found: dict[str, Buffer] = {}

    def buffers(self) -> tuple[Buffer, ...]:
        for name in self._graph.inputs:
            self._place(name, name, 0)
        layers = {step.node.outputs[0]: step for step in self._steps}
        scratches = []
        for index, node in enumerate(self._graph.nodes, start=1):
            made = node.outputs[0]
            step = layers.get(made)
            self._place(made, self._home(made, node.inputs, step, index), index)
            if step is not None and step.layer.scratch:
                scratches.append(Buffer((step.site.name,), _aligned(step.layer.scratch), index, index))
        return (*self._found.values(), *scratches)

    def _home(self, made: str, inputs: Sequence[str], step: Step | None, index: int) -> str:
        """The tensor in whose buffer a node's output lies: its own, or an input's that nobody reads any more."""
        if step is None:
            return self._homes[inputs[0]]
        for position in step.layer.in_place:
            home = self._homes.get(inputs[position])
            if home is not None and self._found[home].last == index:
                return home
        return made

    def _place(self, name: str, home: str, index: int) -> None:
        self._homes[name] = home
        size, last = _aligned(tensor_bytes(self._graph.tensors[name])), self._last.get(name, index)
        kept = self._found.get(home, Buffer((), size, index, last))
        self._found[home] = replace(
            kept, names=(*kept.names, name), bytes=max(kept.bytes, size), last=max(kept.last, last)
        )

    def _last_reads(self) -> dict[str, int]:
        """The last step that reads each tensor, also under another name that a reshape gives it."""
        end = len(self._graph.nodes)
        last = dict.fromkeys(self._graph.outputs, end + 1)
        for index, node in reversed(list(enumerate(self._graph.nodes, start=1))):
            reads = last.get(node.outputs[0], index) if isinstance(node.operator, Reshape) else index
            for name in node.inputs:
                last[name] = max(last.get(name, 0), reads)
        return last


def _aligned(count: int) -> int:
    return -(-count // ALIGNMENT) * ALIGNMENT
