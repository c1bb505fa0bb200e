"""From an integer graph to the layers of a package: passes, an emitter a node, and a plan of their memory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..graph.graph import Graph
from .layer import Step, sites, with_constants
from .layers import EMITTERS
from .memory import Arena, arena
from .passes.order import ordered
from .passes.simplify import Simplified, simplified
from .refusals import refuse


@dataclass(frozen=True)
class Generated:
    """A graph as it is compiled, its layers in the order in which they run, and where everything lies."""

    simplified: Simplified
    steps: Sequence[Step]
    arena: Arena

    @property
    def graph(self) -> Graph:
        return self.simplified.graph


def generate(graph: Graph, where: str) -> Generated:
    """Raises `Unsupported` with everything that cannot be compiled."""
    refuse(graph, where)
    made = simplified(graph)
    steps = emitted(made.graph)
    found, other = arena(made.graph, steps), ordered(made.graph, steps)
    if arena(other, steps).bytes < found.bytes:
        made, steps = replace(made, graph=other, reordered=True), emitted(other)
        found = arena(other, steps)
    return Generated(made, steps, found)


def emitted(graph: Graph) -> list[Step]:
    """The layers of a graph in its order."""
    return [
        Step(site, node, with_constants(EMITTERS[type(node.operator)](site), site))
        for node, site in sites(graph)
        if type(node.operator) in EMITTERS
    ]
