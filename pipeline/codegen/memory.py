"""Where each activation and each scratch lies in the package's one array."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from ..graph.graph import Graph
from ..graph.liveness import Buffer
from ..graph.operators import Reshape
from ..graph.tensor import Tensor
from .layer import Layer, Step
from .placing import EXACT, Reuse, placed

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
    lives = _Lives(graph, steps)
    scratches = lives.scratches()
    found = placed([*lives.buffers.values(), *scratches], list(lives.reuses()), ALIGNMENT)
    count = len(lives.buffers)
    activations = zip(lives.buffers.values(), found.offsets[:count], strict=True)
    return Arena(
        {name: offset for buffer, offset in activations for name in buffer.names},
        {buffer.names[0]: offset for buffer, offset in zip(scratches, found.offsets[count:], strict=True)},
        found.bytes,
        found.least,
    )


def tensor_bytes(tensor: Tensor) -> int:
    """Of one sample."""
    return prod(tensor.shape) * np.dtype(tensor.dtype).itemsize


class _Lives:
    """From which step to which each activation is needed; step 0 sets the inputs. A reshape's output is its input."""

    def __init__(self, graph: Graph, steps: Sequence[Step]) -> None:
        self._graph = graph
        self._steps = {step.node.outputs[0]: step for step in steps}
        self._homes: dict[str, str] = {}
        self.buffers: dict[str, Buffer] = {}
        for name in graph.inputs:
            self._make(name, 0)
        for index, node in enumerate(graph.nodes, start=1):
            for name in node.inputs:
                self._need(name, index)
            if isinstance(node.operator, Reshape):
                self._share(node.inputs[0], node.outputs[0])
            else:
                self._make(node.outputs[0], index)
        for name in graph.outputs:
            self._need(name, len(graph.nodes) + 1)

    def scratches(self) -> list[Buffer]:
        made = [(step, self.buffers[self._homes[name]].first) for name, step in self._steps.items()]
        return [Buffer((s.site.name,), _aligned(s.layer.scratch), at, at) for s, at in made if s.layer.scratch]

    def reuses(self) -> Iterator[Reuse]:
        """Outputs that may lie on inputs of their layers that nobody reads any more."""
        places = {home: place for place, home in enumerate(self.buffers)}
        for name, step in self._steps.items():
            read = [self._homes.get(given) for given in step.node.inputs]
            for home in dict.fromkeys(home for home in read if home is not None):
                leads = [_lead(step.layer, position) for position, other in enumerate(read) if other == home]
                if None not in leads and self.buffers[home].last == self.buffers[name].first:
                    told = [lead for lead in leads if lead is not None]
                    yield Reuse(places[name], places[home], EXACT if EXACT in told else max(told))

    def _make(self, name: str, index: int) -> None:
        self._homes[name] = name
        self.buffers[name] = Buffer((name,), _aligned(tensor_bytes(self._graph.tensors[name])), index, index)

    def _share(self, given: str, made: str) -> None:
        home = self._homes[made] = self._homes[given]
        self.buffers[home] = replace(self.buffers[home], names=(*self.buffers[home].names, made))

    def _need(self, name: str, index: int) -> None:
        home = self._homes.get(name)
        if home is not None:
            self.buffers[home] = replace(self.buffers[home], last=index)


def _lead(layer: Layer, position: int) -> int | None:
    """How a layer's output may overlap this input; None when it may not."""
    return layer.leads.get(position, EXACT if position in layer.in_place else None)


def _aligned(count: int) -> int:
    return -(-count // ALIGNMENT) * ALIGNMENT
