"""Which values of a tensor make a difference to what reads it: the others may be cut off before they are rounded."""

from collections.abc import Mapping, Sequence
from math import inf

from ...calibration.ranges import Range
from ..graph.graph import Graph

SATURATING: Mapping[str, Range] = {  # what these tell apart: beyond, their int8 output stays as it is
    "HardSwish": (-3.0, inf),
    "Relu": (0.0, inf),
    "Sigmoid": (-6.25, 6.25),  # below 1/512, above 1 - 1/512
    "Tanh": (-3.2, 3.2),  # within half a step of 1/128 from -1 and 1
}
CLAMPS = ("Maximum", "Minimum", "Relu6")


def decisive(graph: Graph, members: Sequence[str]) -> list[str]:
    """Of tensors with one scale, those whose values decide it.

    A tensor that only clamps read may lose what they cut off, and so may their bounds: their outputs decide.
    """
    return [name for name in members if not _only_read_by(graph, name, CLAMPS)] or list(members)


def limits(graph: Graph, members: Sequence[str]) -> Range:
    """The least and the greatest value that some reader of these tensors tells from those beyond."""
    found = [_limits(graph, name) for name in members]
    return min(low for low, _ in found), max(high for _, high in found)


def _limits(graph: Graph, name: str) -> Range:
    if not _only_read_by(graph, name, tuple(SATURATING)):
        return -inf, inf
    told_apart = [SATURATING[reader.kind] for reader in graph.consumers(name)]
    return min(low for low, _ in told_apart), max(high for _, high in told_apart)


def _only_read_by(graph: Graph, name: str, kinds: Sequence[str]) -> bool:
    readers = graph.consumers(name)
    return bool(readers) and name not in graph.outputs and all(reader.kind in kinds for reader in readers)
