"""What one node of the graph becomes in C, and what an emitter knows of the node when it writes that."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from ..graph.graph import Graph, Node
from ..graph.operators import Operator
from ..graph.tensor import Tensor
from .preference import BALANCED, CodeOptions


@dataclass(frozen=True)
class Site:
    """A node where it stands: its operator, its tensors, its C function's name, and what the code is to spare."""

    name: str
    operator: Operator
    inputs: Sequence[Tensor]
    output: Tensor
    options: CodeOptions = BALANCED

    @property
    def kind(self) -> str:
        return type(self.operator).__name__


@dataclass(frozen=True)
class Layer:
    """The body of a layer's C function, and what it needs.

    The body reads its inputs as `x0`, `x1`, ... (activations and constants alike, by the node's position), writes `y`,
    and may use `scratch`, bytes of the arena that are its own while it runs. Constants are named in the body by their
    keys here; in the file they carry the layer's name before it. `kernels` are headers of `kernels/`, each before
    those that include it. An input in `in_place` may lie where the output lies, from the same byte on. The output may
    overlap an input in `leads` where it begins so many bytes before it, or more: `lead.py` reckons them.
    """

    body: str
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    kernels: tuple[str, ...] = ()
    scratch: int = 0
    in_place: tuple[int, ...] = ()
    leads: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """A node that becomes a C function. A reshape becomes none: its output lies where its input lies."""

    site: Site
    node: Node
    layer: Layer


Emitter = Callable[[Site], Layer]


def sites(graph: Graph, options: CodeOptions = BALANCED) -> list[tuple[Node, Site]]:
    """Every node with its site, in order; a name is `layer_07_conv2d`."""
    width = max(2, len(str(len(graph.nodes) - 1)))
    return [
        (node, Site(_name(index, width, node), node.operator, graph.of(node.inputs), output, options))
        for index, node in enumerate(graph.nodes)
        for output in [graph.tensors[node.outputs[0]]]
    ]


def with_constants(layer: Layer, site: Site) -> Layer:
    """The layer with every constant input that its body names: an emitter that packs its own takes other names."""
    read = set(re.findall(r"\bx\d+\b", layer.body))
    named = {f"x{i}": t.data for i, t in enumerate(site.inputs) if t.data is not None and f"x{i}" in read}
    return replace(layer, constants={**layer.constants, **named})


def _name(index: int, width: int, node: Node) -> str:
    return f"layer_{index:0{width}}_{node.kind.lower()}"
