"""All that makes the graph smaller before C is written from it, and an account of what went."""

from dataclasses import dataclass

from ...graph.graph import Graph
from ...graph.passes.absorb_padding import absorb_padding
from .dead_channels import cut_dead_channels
from .fuse_clamps import fuse_clamps
from .unneeded import drop_unneeded


@dataclass(frozen=True)
class Simplified:
    """The graph that is compiled, with the same outputs for every input, and what it cost before."""

    graph: Graph
    layers_gone: int
    channels_gone: int
    macs_before: int
    reordered: bool = False  # for less memory


def simplified(graph: Graph) -> Simplified:
    """Every step is exact: the integers of the outputs stay what they are."""
    fused = fuse_clamps(absorb_padding(drop_unneeded(graph)))
    made = cut_dead_channels(fused)
    gone = _channels(fused) - _channels(made)
    return Simplified(made, len(graph.nodes) - len(made.nodes), gone, graph.macs())


def _channels(graph: Graph) -> int:
    """Of everything that layers make."""
    return sum(graph.tensors[node.outputs[0]].shape[-1] for node in graph.nodes if graph.tensors[node.outputs[0]].shape)
