"""Which values a tensor can hold, and which of them make a difference to what reads it: no others need integers."""

from collections.abc import Mapping, Sequence
from math import inf

from ...calibration.ranges import Range
from ..graph.graph import Graph
from ..graph.passes.settle_scales import tied

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


def reach(graph: Graph, members: Sequence[str]) -> Range:
    """The least and the greatest value that these tensors can hold, whatever the samples; without end where none is
    known. A constant holds its own values, a ReLU6 gives 0 to 6, and what only moves values gives no others."""
    found = [_reach(graph, name) for name in members]
    return min(low for low, _ in found), max(high for _, high in found)


def _reach(graph: Graph, name: str) -> Range:
    data, node = graph.tensors[name].data, graph.producer(name)
    if data is not None and data.size:
        return min(float(data.min()), 0.0), max(float(data.max()), 0.0)
    if node is None:
        return -inf, inf
    if node.kind == "Relu6" or getattr(node.operator, "activation", "none") == "relu6":
        return 0.0, 6.0
    return reach(graph, tied(node)) if tied(node) else (-inf, inf)


def _limits(graph: Graph, name: str) -> Range:
    if not _only_read_by(graph, name, tuple(SATURATING)):
        return -inf, inf
    told_apart = [SATURATING[reader.kind] for reader in graph.consumers(name)]
    return min(low for low, _ in told_apart), max(high for _, high in told_apart)


def _only_read_by(graph: Graph, name: str, kinds: Sequence[str]) -> bool:
    readers = graph.consumers(name)
    return bool(readers) and name not in graph.outputs and all(reader.kind in kinds for reader in readers)
