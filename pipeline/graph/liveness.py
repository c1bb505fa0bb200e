"""Which activations of a graph are in memory at the same time, and how many bytes that takes at least."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from .graph import Graph, Node
from .operators import Mean, MirrorPad, Reshape, TransposeConv2d
from .tensor import Tensor

ALIGNMENT = 16  # bytes; TFLite Micro's buffers begin at a multiple of it
ACCUMULATOR = 4  # bytes of one 32-bit sum


@dataclass(frozen=True)
class Buffer:
    """A place in memory for tensors that hold the same bytes, from the first step that writes to the last that reads.

    Step 0 sets the inputs, step k is the k-th node. A buffer without names is what a kernel takes for itself.
    """

    names: tuple[str, ...]
    bytes: int
    first: int
    last: int

    def meets(self, other: "Buffer") -> bool:
        """Whether some step needs both."""
        return self.first <= other.last and other.first <= self.last


def buffers(graph: Graph, in_place: bool = True) -> tuple[Buffer, ...]:
    """A buffer for every activation and every scratch of a graph with batch 1; what is unused is left out.

    A reshape moves nothing: with `in_place`, its output shares its input's buffer.
    """
    homes: dict[str, str] = {}
    lives: dict[str, Buffer] = {}
    for name in graph.inputs:
        homes[name], lives[name] = name, Buffer((name,), _bytes(graph.tensors[name]), 0, 0)
    for step, node in enumerate(graph.nodes, start=1):
        read = [homes[name] for name in node.inputs if name in homes]
        for home in read:
            lives[home] = replace(lives[home], last=step)
        for name in node.outputs:
            shares = in_place and isinstance(node.operator, Reshape) and bool(read)
            homes[name] = read[0] if shares else name
            made = Buffer((), _bytes(graph.tensors[name]), step, step)
            kept = lives.get(homes[name], made)
            lives[homes[name]] = replace(kept, names=(*kept.names, name), last=step)
    for name in graph.outputs:
        if name in homes:
            lives[homes[name]] = replace(lives[homes[name]], last=len(graph.nodes))
    return (*lives.values(), *_scratch(graph))


def live_bytes(kept: Iterable[Buffer]) -> Mapping[int, int]:
    """The bytes of all buffers that each step needs."""
    found: dict[int, int] = defaultdict(int)
    for buffer in kept:
        for step in range(buffer.first, buffer.last + 1):
            found[step] += buffer.bytes
    return found


def least_bytes(kept: Sequence[Buffer]) -> int:
    """What no plan can be below: the most that one step needs."""
    return max(live_bytes(kept).values(), default=0)


def aligned(count: int) -> int:
    return -(-count // ALIGNMENT) * ALIGNMENT


def _bytes(tensor: Tensor) -> int:
    return aligned(prod(tensor.shape) * np.dtype(tensor.dtype).itemsize)


def _scratch(graph: Graph) -> list[Buffer]:
    """What TFLite Micro's reference kernels ask for beside their tensors."""
    return [
        Buffer((), aligned(count), step, step)
        for step, node in enumerate(graph.nodes, start=1)
        for count in _scratch_bytes(graph, node)
    ]


def _scratch_bytes(graph: Graph, node: Node) -> tuple[int, ...]:
    """An int8 mean, and an int8 transposed convolution, add up in 32 bits; a mean and a mirror keep their places."""
    output = graph.tensors[node.outputs[0]]
    if output.dtype != "int8":
        return ()
    sums = ACCUMULATOR * prod(output.shape)
    if isinstance(node.operator, Mean):
        return sums, ALIGNMENT, ALIGNMENT
    if isinstance(node.operator, MirrorPad):
        return ALIGNMENT, ALIGNMENT
    return (sums,) if isinstance(node.operator, TransposeConv2d) else ()
