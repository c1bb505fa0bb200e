"""Where each activation lies in one block of memory, so that no two that are live together overlap.

The task is dynamic storage allocation, whose lower bound is the most that is live at once. First fit by size, and by
breadth, after Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from .graph import Graph
from .liveness import Buffer, buffers, least_bytes, live_bytes

RESTARTS = 400  # orders that are tried at random, at most
EFFORT = 2**21  # pairs of buffers that are compared in doing so
SMALL = 12  # buffers for which every order that matters is tried
STEPS = 20_000  # places that this search tries before it keeps what it has


@dataclass(frozen=True)
class Plan:
    """Offsets of the activations by tensor name, multiples of 16; the bytes of the whole, and those of any plan."""

    offsets: Mapping[str, int]
    bytes: int
    least: int


@dataclass(frozen=True)
class _Packing:
    """Offsets in the order of placing."""

    placed: tuple[tuple[Buffer, int], ...] = ()

    @property
    def bytes(self) -> int:
        return max((offset + buffer.bytes for buffer, offset in self.placed), default=0)

    def lowest(self, buffer: Buffer) -> int:
        """The lowest offset at which nothing that is live together with the buffer lies."""
        taken = sorted((offset, offset + other.bytes) for other, offset in self.placed if other.meets(buffer))
        position = 0
        for start, end in taken:
            if position + buffer.bytes <= start:
                break
            position = max(position, end)
        return position

    def with_one(self, buffer: Buffer) -> "_Packing":
        return _Packing((*self.placed, (buffer, self.lowest(buffer))))


def plan(graph: Graph) -> Plan:
    """The best plan found for a graph with batch 1 in TFLite Micro; the same for the same graph."""
    return packed(buffers(graph))


def packed(kept: Sequence[Buffer]) -> Plan:
    """The best plan found for these buffers; the same for the same buffers, and the best of all for a few."""
    least, best = least_bytes(kept), _first_fit(_by_size(kept))
    for order in _orders(kept):
        if best.bytes == least:
            break
        best = min(best, _first_fit(order), key=lambda packing: packing.bytes)
    if len(kept) <= SMALL and best.bytes > least:
        best = _Search(kept, best, least).best
    offsets = {name: offset for buffer, offset in best.placed for name in buffer.names}
    return Plan(offsets, best.bytes, least)


def unplanned_bytes(graph: Graph) -> int:
    """What TFLite Micro's own planner takes: first fit by size, the later tensor first where two are as large."""
    return _first_fit(_by_size(list(reversed(buffers(graph, in_place=False))))).bytes


def _by_size(kept: Sequence[Buffer]) -> list[Buffer]:
    return sorted(kept, key=lambda buffer: -buffer.bytes)


def _orders(kept: Sequence[Buffer]) -> Iterator[Sequence[Buffer]]:
    """Orders that are worth a try: the buffers of the fullest step first, the longest-lived first, size at random."""
    live = live_bytes(kept)
    breadth = {buffer: max(live[step] for step in range(buffer.first, buffer.last + 1)) for buffer in kept}
    yield sorted(kept, key=lambda buffer: (-breadth[buffer], -buffer.bytes))
    yield sorted(kept, key=lambda buffer: (buffer.first - buffer.last, -buffer.bytes))
    random = Random(0)
    for _ in range(min(RESTARTS, EFFORT // len(kept) ** 2)):
        weights = {buffer: buffer.bytes * (1 + random.random()) for buffer in kept}
        yield sorted(kept, key=lambda buffer: -weights[buffer])


def _first_fit(order: Sequence[Buffer]) -> _Packing:
    packing = _Packing()
    for buffer in order:
        packing = packing.with_one(buffer)
    return packing


class _Search:
    """Branch and bound over the orders of placing.

    Some order puts first fit at the optimum, and one of these has offsets that never fall: the others are not walked.
    """

    def __init__(self, kept: Sequence[Buffer], best: _Packing, least: int) -> None:
        self.best = best
        self._least, self._steps = least, STEPS
        self._walk(_Packing(), _by_size(kept), 0)

    def _walk(self, packing: _Packing, left: Sequence[Buffer], floor: int) -> None:
        if not left:
            self.best = packing  # each buffer was placed only where it ends below the best so far
            return
        places = {buffer: packing.lowest(buffer) for buffer in left}
        self._steps -= len(left)
        if any(place + buffer.bytes >= self.best.bytes for buffer, place in places.items()):
            return
        for buffer in left:
            if self._steps < 0 or self.best.bytes == self._least:
                return
            if places[buffer] >= floor:
                rest = [other for other in left if other is not buffer]
                self._walk(_Packing((*packing.placed, (buffer, places[buffer]))), rest, places[buffer])
