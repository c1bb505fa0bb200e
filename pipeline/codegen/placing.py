"""Where buffers lie in one block of memory: those that are live together apart, except where a kernel allows more.

Dynamic storage allocation, with the reuse of inputs that kernels allow: an output on the very place of an input, or
some bytes before it, so that what is written stays behind what is read. First fit over many orders.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from ..graph.liveness import Buffer, live_bytes

EXACT = -1  # an output lies on its input, or apart from it
TRIES = 200  # orders at most
EFFORT = 20_000  # pairs of buffers that are looked at in doing so


@dataclass(frozen=True)
class Reuse:
    """A step's output, by its index among the buffers, may overlap an input that nobody reads afterwards.

    It then begins `lead` bytes before the input, or more; with `EXACT`, where the input begins and nowhere else.
    """

    output: int
    input: int
    lead: int


@dataclass(frozen=True)
class Placing:
    """Offsets in the order of the buffers, the bytes of the whole, and those that no placing can be below."""

    offsets: tuple[int, ...]
    bytes: int
    least: int


@dataclass(frozen=True)
class _Rule:
    """Where a buffer may not begin for another at `o`: between o + above and o + below, but at o if `same`."""

    other: int
    above: int
    below: int
    same: bool


def placed(buffers: Sequence[Buffer], reuses: Sequence[Reuse], alignment: int) -> Placing:
    """The best placing found; the same for the same buffers. All sizes are multiples of the alignment."""
    rules, least = _rules(buffers, reuses, alignment), least_bytes(buffers, reuses)
    best, size = (0,) * len(buffers), sum(buffer.bytes for buffer in buffers) + 1
    for order in _orders(buffers, rules):
        found = _first_fit(order, rules)
        top = max((found[i] + buffers[i].bytes for i in order), default=0)
        if top < size:
            best, size = tuple(found[i] for i in range(len(buffers))), top
        if size == least:
            break
    return Placing(best, size, least)


def least_bytes(buffers: Sequence[Buffer], reuses: Sequence[Reuse]) -> int:
    """The most that one step needs, when its output lies on its inputs as far as it may."""
    needed = dict(live_bytes(buffers))
    by_output: dict[int, list[Reuse]] = defaultdict(list)
    for reuse in reuses:
        by_output[reuse.output].append(reuse)
    for output, mine in by_output.items():
        pairs = [(buffers[reuse.input].bytes, reuse.lead) for reuse in mine]
        size = buffers[output].bytes
        needed[buffers[output].first] -= size - bytes_beyond(size, pairs)
    return max(needed.values(), default=0)


def bytes_beyond(size: int, inputs: Sequence[tuple[int, int]]) -> int:
    """What an output takes at least beside inputs that it may overlap, given the bytes of each and its lead."""
    if not inputs:
        return size
    covered = sum(count for count, _ in inputs)
    return max(min(size, min(max(lead, 0) for _, lead in inputs)), size - covered, 0)


def _rules(buffers: Sequence[Buffer], reuses: Sequence[Reuse], alignment: int) -> list[list[_Rule]]:
    """By buffer."""
    allowed = {(reuse.output, reuse.input): reuse for reuse in reuses}
    together: dict[int, list[int]] = defaultdict(list)
    for i, buffer in enumerate(buffers):
        for step in range(buffer.first, buffer.last + 1):
            together[step].append(i)
    met = [{j for step in range(b.first, b.last + 1) for j in together[step]} for b in buffers]
    return [[_rule(i, j, buffers, allowed, alignment) for j in sorted(others - {i})] for i, others in enumerate(met)]


def _rule(i: int, j: int, buffers: Sequence[Buffer], allowed: Mapping[tuple[int, int], Reuse], alignment: int) -> _Rule:
    above, below = -buffers[i].bytes, buffers[j].bytes
    as_output, as_input = allowed.get((i, j)), allowed.get((j, i))
    same = any(reuse is not None and reuse.lead == EXACT for reuse in (as_output, as_input))
    if as_output is not None and as_output.lead != EXACT:
        above = max(above, -_rounded(as_output.lead, alignment))
    if as_input is not None and as_input.lead != EXACT:
        below = min(below, _rounded(as_input.lead, alignment))
    return _Rule(j, above, below, same)


def _rounded(count: int, alignment: int) -> int:
    return -(-count // alignment) * alignment


def _first_fit(order: Sequence[int], rules: Sequence[Sequence[_Rule]]) -> dict[int, int]:
    found: dict[int, int] = {}
    for index in order:
        taken = [(found[rule.other], rule) for rule in rules[index] if rule.other in found]
        found[index] = _lowest(taken)
    return found


def _lowest(taken: Sequence[tuple[int, _Rule]]) -> int:
    """The lowest place that every rule allows."""
    candidates = {0, *(at + rule.below for at, rule in taken), *(at for at, rule in taken if rule.same)}
    return next(
        place
        for place in sorted(candidates)
        if place >= 0
        and not any(at + rule.above < place < at + rule.below and not (rule.same and place == at) for at, rule in taken)
    )


def _orders(buffers: Sequence[Buffer], rules: Sequence[Sequence[_Rule]]) -> Iterator[Sequence[int]]:
    """Orders worth a try: the largest first, the fullest step first, the last first, the first first; at random."""
    every = range(len(buffers))
    size = [buffer.bytes for buffer in buffers]
    breadth = [size[i] + sum(size[rule.other] for rule in rules[i]) for i in every]
    yield sorted(every, key=lambda i: -size[i])
    yield sorted(every, key=lambda i: (-breadth[i], -size[i]))
    yield sorted(every, key=lambda i: -buffers[i].first)
    yield list(every)
    random, pairs = Random(0), 1 + sum(map(len, rules))
    for count in range(min(TRIES, EFFORT // pairs)):
        wide = breadth if count % 2 else size
        weights = [wide[i] * (1 + random.random()) for i in every]
        yield sorted(every, key=lambda i: -weights[i])
