"""The graph: operators in the order in which they run, on named tensors; float or integer, channels last."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from ..errors import BadData
from .operators import Operator
from .tensor import Tensor


@dataclass(frozen=True)
class Node:
    """One operator applied to named tensors; constants are tensors too."""

    operator: Operator
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The operator's class name: Conv2d, Add, ..."""
        return type(self.operator).__name__


@dataclass(frozen=True)
class Graph:
    """Always true: every input of a node is a constant, a graph input or an output of an earlier node.

    `metadata` holds what travels with the file (task, labels, preprocess as JSON text, under the key "edgestill").
    """

    tensors: Mapping[str, Tensor]
    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)

    def consumers(self, name: str) -> list[Node]:
        """The nodes that read this tensor."""
        return list(self._consumers.get(name, ()))

    def producer(self, name: str) -> Node | None:
        """The node that writes this tensor; None for inputs and constants."""
        return self._producers.get(name)

    @cached_property
    def _consumers(self) -> Mapping[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                found.setdefault(name, []).append(node)
        return found

    @cached_property
    def _producers(self) -> Mapping[str, Node]:
        return {name: node for node in reversed(self.nodes) for name in node.outputs}

    def is_integer(self) -> bool:
        """Whether no tensor is float."""
        return all(tensor.dtype != "float32" for tensor in self.tensors.values())

    def takes_ids(self) -> bool:
        """Whether the input is token ids, int32, which have no scale and which no arithmetic touches."""
        return self.tensors[self.inputs[0]].dtype == "int32"

    def vocabulary(self) -> int | None:
        """Token ids go from 0 to one less than this, the rows of the smallest table; None when no table is read."""
        tables = [self.tensors[node.inputs[0]].shape[0] for node in self.nodes if node.kind == "Gather"]
        return min(tables, default=None)

    def check_ids(self, samples: NDArray[Any], where: str) -> None:
        """`BadData` when samples of token ids hold one that no table has a row for."""
        rows = self.vocabulary()
        if not self.takes_ids() or rows is None or not samples.size:
            return
        least, most = int(samples.min()), int(samples.max())
        if least < 0 or most >= rows:
            raise BadData(f"{where}: token ids go from {least} to {most}; the model's table has rows 0 to {rows - 1}")

    def of(self, names: Iterable[str]) -> list[Tensor]:
        return [self.tensors[name] for name in names]

    def count(self) -> Counter[str]:
        """How many nodes of each kind."""
        return Counter(node.kind for node in self.nodes)

    def macs(self) -> int:
        """Multiply-accumulates of one inference (batch 1)."""
        return sum(node.operator.macs(self.of(node.inputs), self.of(node.outputs)) for node in self.nodes)

    def parameters(self) -> int:
        """Values in constant tensors."""
        return sum(tensor.data.size for tensor in self.tensors.values() if tensor.data is not None)


def renumbered(graph: Graph) -> Graph:
    """The same graph with the shortest unique names, t0, t1, ... in the order of first use; unused tensors go."""
    order = dict.fromkeys(
        [*graph.inputs, *(name for node in graph.nodes for name in (*node.inputs, *node.outputs)), *graph.outputs]
    )
    short = {name: f"t{index}" for index, name in enumerate(order)}

    def rename(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(short[name] for name in names)

    return replace(
        graph,
        tensors={short[name]: replace(graph.tensors[name], name=short[name]) for name in order},
        nodes=tuple(Node(node.operator, rename(node.inputs), rename(node.outputs)) for node in graph.nodes),
        inputs=rename(graph.inputs),
        outputs=rename(graph.outputs),
    )
