"""Channels that no input reaches, and channels that nobody reads, are cut out of the graph: exact, and much smaller.

What a fixed channel adds to the sums of the layers behind it goes into their biases. Where it would not add the same at
every position, as beside padding that differs from its value, the channel stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...graph.graph import Graph, Node
from ...graph.operators import Conv2d, FullyConnected, TransposeConv2d
from ...graph.operators.operator import quantization
from ...graph.operators.window import same_padding
from .coupling import Groups, mixes
from .cut import cut
from .dependence import Channels, channels

Mask = NDArray[np.bool_]
INT32_MAX = 2**31 - 1


def cut_dead_channels(graph: Graph) -> Graph:
    """The integer graph without its dead channels, the same outputs for every input; itself where there are none.

    Ports keep their channels, and every activation keeps at least one.
    """
    search = _Search(graph, channels(graph), Groups(graph))
    kept = search.kept()
    if kept.all():
        return graph
    by_name = {name: kept[span] for name, span in search.groups.spans.items()}
    return cut(graph, by_name, lambda node: search.added(node, by_name[node.inputs[0]]))


@dataclass(frozen=True)
class _Search:
    """Which channels are kept; decided group by group until nothing more can go."""

    graph: Graph
    known: Mapping[str, Channels]
    groups: Groups

    def kept(self) -> Mask:
        kept = np.ones(len(self.groups.of), bool)
        while True:
            needed = self.groups.any_of(self.groups.stays | self._read(kept))
            dropped = kept & ~needed
            for name, span in self.groups.spans.items():
                self._spare(name, span, kept, dropped)
            if not dropped.any():
                return kept
            kept &= ~dropped

    def added(self, node: Node, kept: Mask) -> NDArray[np.int64]:
        """What the input channels that are not kept add to every sum of a layer, one value an output."""
        gone = np.tile(~kept, self._columns(node) // len(kept))
        summed: NDArray[np.int64] = self._contributions(node)[:, gone & self._by_column(node).uniform].sum(axis=1)
        return summed

    def _spare(self, name: str, span: slice, kept: Mask, dropped: Mask) -> None:
        """Takes back what would leave a tensor without channels; a dense layer of several scales keeps two.

        With one scale a dense layer computes its multiplier in another precision.
        """
        writer = self.graph.producer(name)
        least = 1 + int(writer is not None and isinstance(writer.operator, FullyConnected))
        left = int((kept[span] & ~dropped[span]).sum())
        missing = min(least, int(kept[span].sum())) - left
        if missing > 0:
            spared = np.zeros(len(dropped), bool)
            spared[span.start + np.flatnonzero(dropped[span])[:missing]] = True
            dropped &= ~self.groups.any_of(spared)

    def _read(self, kept: Mask) -> Mask:
        """The channels that some layer must go on reading."""
        found = np.zeros(len(kept), bool)
        for node in self.graph.nodes:
            if mixes(self.graph, node):
                span = self.groups.spans[node.inputs[0]]
                folds = self._folds(node, kept[self.groups.spans[node.outputs[0]]])
                found[span] |= ~folds.reshape(-1, span.stop - span.start).all(axis=0)
        return found

    def _folds(self, node: Node, rows: Mask) -> Mask:
        """The columns of a layer's weights that are all zeros in its rows, or add the same to every sum everywhere."""
        weights = self._weights(node)[rows]
        silent = np.asarray((weights.reshape(-1, weights.shape[-1]) == 0).all(axis=0))
        before = self._by_column(node)
        centred = before.values[0].astype(np.int64) - self._zero_point(node)
        anywhere = _pads_nothing(self.graph, node) & self._fits(node)
        folds: Mask = silent | before.uniform & ((centred == 0) | anywhere)
        return folds

    def _fits(self, node: Node) -> bool:
        """Whether the bias holds whatever may be added to it."""
        most = np.abs(self._contributions(node)[:, self._by_column(node).uniform]).sum(axis=1)
        bias = self.graph.tensors[node.inputs[2]].data if len(node.inputs) > 2 else None
        return bool((most + (0 if bias is None else np.abs(bias.astype(np.int64))) <= INT32_MAX).all())

    def _contributions(self, node: Node) -> NDArray[np.int64]:
        """What each column adds to each row's sum where no padding is near, (rows, columns)."""
        weights = self._weights(node).astype(np.int64)
        centred = self._by_column(node).values[0].astype(np.int64) - self._zero_point(node)
        return np.asarray(weights.reshape(len(weights), -1, weights.shape[-1]).sum(axis=1) * centred)

    def _by_column(self, node: Node) -> Channels:
        """What is known of a layer's input, by its weights' columns: a dense layer may read several positions a row."""
        known, columns = self.known[node.inputs[0]], self._columns(node)
        repeats = columns // len(known.fixed)
        return Channels(np.tile(known.fixed, repeats), known.values.reshape(-1, columns))

    def _columns(self, node: Node) -> int:
        return int(self._weights(node).shape[-1])

    def _weights(self, node: Node) -> NDArray[Any]:
        return cast(NDArray[Any], self.graph.tensors[node.inputs[1]].data)

    def _zero_point(self, node: Node) -> int:
        return quantization(self.graph.tensors[node.inputs[0]]).zero_point


def _pads_nothing(graph: Graph, node: Node) -> bool:
    """Whether every sum of a layer reads all of its taps."""
    operator = node.operator
    if isinstance(operator, TransposeConv2d):
        return False
    if not isinstance(operator, Conv2d) or operator.padding == "VALID":
        return True
    x, (_, *kernel, _) = graph.tensors[node.inputs[0]].shape, graph.tensors[node.inputs[1]].shape
    sides = [same_padding(x[1 + k], kernel[k], operator.stride[k], operator.dilation[k]) for k in (0, 1)]
    return sides == [(0, 0), (0, 0)]
