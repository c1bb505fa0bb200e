"""From an integer graph to the layers of a package: passes, an emitter a node, and a plan of their memory."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..graph.graph import Graph
from .layer import Step, sites, with_constants
from .layers import EMITTERS
from .memory import Arena, arena
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
    steps = [
        Step(site, node, with_constants(EMITTERS[type(node.operator)](site), site))
        for node, site in sites(made.graph)
        if type(node.operator) in EMITTERS
    ]
    return Generated(made, steps, arena(made.graph, steps))
