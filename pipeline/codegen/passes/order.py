"""Layers of parallel branches in the order that keeps the least in memory at once.

A best-first search over the sets of layers that have run, after Ahn et al., "Ordering Chaos: Memory-Aware Scheduling of
Irregularly Wired Neural Networks for Edge Devices", MLSys 2020; exact where it ends within its effort.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ...graph.graph import Graph
from ..layer import Step
from ..memory import Lives
from ..placing import bytes_beyond

EFFORT = 60_000  # layers that are looked at; then the best order so far is completed layer by layer
MOST_LAYERS = 500  # beyond which the order stays


@dataclass(frozen=True)
class _Layer:
    """A node by its index: the layers before it as bits, the buffers it reads, and what it takes."""

    index: int
    behind: int
    reads: tuple[str, ...]
    output: str
    output_bytes: int
    scratch: int
    overlaps: dict[str, int]


@dataclass(frozen=True, order=True)
class _State:
    """The most bytes so far, how many layers are left, the order so far, what is live now, and who has run, as bits."""

    most: int
    left: int
    order: tuple[int, ...]
    live: int
    done: int


def ordered(graph: Graph, steps: Sequence[Step]) -> Graph:
    """The same nodes, each still behind what it reads."""
    if len(graph.nodes) > MOST_LAYERS:
        return graph
    order = _Search(graph, steps).order()
    return replace(graph, nodes=tuple(graph.nodes[index] for index in order))


class _Search:
    def __init__(self, graph: Graph, steps: Sequence[Step]) -> None:
        lives = Lives(graph, steps)
        self._bytes = {home: buffer.bytes for home, buffer in lives.buffers.items()}
        self._layers = list(_layers(graph, steps, lives))
        self._readers = dict.fromkeys(self._bytes, 0)
        for layer in self._layers:
            for home in layer.reads:
                self._readers[home] |= 1 << layer.index
        for name in graph.outputs:
            self._readers[lives.homes[name]] |= 1 << len(self._layers)  # the caller, who never runs
        self._given = [self._bytes[name] for name in graph.inputs]
        self._start = sum(self._bytes[name] for name in graph.inputs if self._readers[name])

    def order(self) -> tuple[int, ...]:
        waiting, seen = [_State(sum(self._given), len(self._layers), (), self._start, 0)], set[int]()
        while waiting[0].left:
            state = heapq.heappop(waiting)
            if len(seen) * len(self._layers) > EFFORT:
                waiting = [min(self._next(state), key=lambda state: (state.most, state.live))]
            elif state.done not in seen:
                seen.add(state.done)
                for following in self._next(state):
                    heapq.heappush(waiting, following)
        return waiting[0].order

    def _next(self, state: _State) -> Iterator[_State]:
        for layer in self._layers:
            bit = 1 << layer.index
            if state.done & bit or layer.behind & ~state.done:
                continue
            done = state.done | bit
            freed = {home for home in layer.reads if not self._readers[home] & ~done}
            inputs = [(self._bytes[home], lead) for home, lead in layer.overlaps.items() if home in freed]
            needed = state.live + layer.scratch + bytes_beyond(layer.output_bytes, inputs)
            live = state.live + layer.output_bytes - sum(self._bytes[home] for home in freed)
            if not self._readers[layer.output]:
                live -= layer.output_bytes
            yield _State(max(state.most, needed), state.left - 1, (*state.order, layer.index), live, done)


def _layers(graph: Graph, steps: Sequence[Step], lives: Lives) -> Iterator[_Layer]:
    written = {node.outputs[0]: 1 << index for index, node in enumerate(graph.nodes)}
    by_output = {step.node.outputs[0]: step for step in steps}
    scratches = {buffer.names[0]: buffer.bytes for buffer in lives.scratches()}
    for index, node in enumerate(graph.nodes):
        behind = 0
        for name in node.inputs:
            behind |= written.get(name, 0)
        home, step = lives.homes[node.outputs[0]], by_output.get(node.outputs[0])
        yield _Layer(
            index,
            behind,
            tuple(dict.fromkeys(lives.homes[name] for name in node.inputs if name in lives.homes)),
            home,
            lives.buffers[home].bytes if step is not None else 0,
            scratches.get(step.site.name, 0) if step is not None else 0,
            lives.overlaps(step) if step is not None else {},
        )
