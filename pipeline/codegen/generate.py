"""From an integer graph to the layers of a package: passes, an emitter a node, and a plan of their memory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..graph.graph import Graph
from .layer import Step, sites, with_constants
from .layers import EMITTERS
from .memory import Arena, arena
from .passes.order import ordered
from .passes.simplify import Simplified, simplified
from .preference import BALANCED, CodeOptions
from .refusals import refuse


@dataclass(frozen=True)
class Generated:
    """A graph as it is compiled, its layers in the order in which they run, and where everything lies."""

    simplified: Simplified
    steps: Sequence[Step]
    arena: Arena
    options: CodeOptions = BALANCED

    @property
    def graph(self) -> Graph:
        return self.simplified.graph


def generate(graph: Graph, where: str, options: CodeOptions = BALANCED) -> Generated:
    """Raises `Unsupported` with everything that cannot be compiled."""
    refuse(graph, where)
    made = simplified(graph)
    steps = emitted(made.graph, options)
    found, other = arena(made.graph, steps), ordered(made.graph, steps)
    if arena(other, steps).bytes < found.bytes:
        made, steps = replace(made, graph=other, reordered=True), emitted(other, options)
        found = arena(other, steps)
    return Generated(made, steps, found, options)


def emitted(graph: Graph, options: CodeOptions = BALANCED) -> list[Step]:
    """The layers of a graph in its order."""
    return [
        Step(site, node, with_constants(EMITTERS[type(node.operator)](site), site))
        for node, site in sites(graph, options)
        if type(node.operator) in EMITTERS
    ]
