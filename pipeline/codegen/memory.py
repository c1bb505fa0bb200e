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
    lives = Lives(graph, steps)
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


class Lives:
    """From which step to which each activation is needed; step 0 sets the inputs.

    A reshape's output lies where its input lies: `homes` tells the tensor by which a buffer is known.
    """

    def __init__(self, graph: Graph, steps: Sequence[Step]) -> None:
        self._graph = graph
        self._steps = {step.node.outputs[0]: step for step in steps}
        self.homes: dict[str, str] = {}  # of every activation
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
        made = [(step, self.buffers[self.homes[name]].first) for name, step in self._steps.items()]
        return [Buffer((s.site.name,), _aligned(s.layer.scratch), at, at) for s, at in made if s.layer.scratch]

    def reuses(self) -> Iterator[Reuse]:
        """Outputs that may lie on inputs of their layers that nobody reads any more."""
        places = {home: place for place, home in enumerate(self.buffers)}
        for name, step in self._steps.items():
            for home, lead in self.overlaps(step).items():
                if self.buffers[home].last == self.buffers[name].first:
                    yield Reuse(places[name], places[home], lead)

    def overlaps(self, step: Step) -> dict[str, int]:
        """The buffers on which a layer's output may lie once nobody reads them any more, with its lead or EXACT."""
        found: dict[str, int] = {}
        read = [self.homes.get(name) for name in step.node.inputs]
        for home in [home for home in dict.fromkeys(read) if home is not None]:
            leads = [_lead(step.layer, position) for position, other in enumerate(read) if other == home]
            told = [lead for lead in leads if lead is not None]
            if len(told) == len(leads):
                found[home] = EXACT if EXACT in told else max(told)
        return found

    def _make(self, name: str, index: int) -> None:
        self.homes[name] = name
        self.buffers[name] = Buffer((name,), _aligned(tensor_bytes(self._graph.tensors[name])), index, index)

    def _share(self, given: str, made: str) -> None:
        home = self.homes[made] = self.homes[given]
        self.buffers[home] = replace(self.buffers[home], names=(*self.buffers[home].names, made))

    def _need(self, name: str, index: int) -> None:
        home = self.homes.get(name)
        if home is not None:
            self.buffers[home] = replace(self.buffers[home], last=index)


def _lead(layer: Layer, position: int) -> int | None:
    """How a layer's output may overlap this input; None when it may not."""
    return layer.leads.get(position, EXACT if position in layer.in_place else None)


def _aligned(count: int) -> int:
    return -(-count // ALIGNMENT) * ALIGNMENT
