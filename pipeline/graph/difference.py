"""What two graphs do not have in common: layers, scales, constants, outputs, with the first values that differ."""

from collections.abc import Iterator

import numpy as np

from .graph import Graph, Node
from .tensor import Tensor

ROLES = ("table", "weights", "bias")  # of constants, by their place among the inputs


def differences(first: Graph, second: Graph) -> list[str]:
    """One line a difference, layers first; empty when the graphs are equal but for names and metadata.

    Both graphs should be canonical. Where the layers do not match, position by position, nothing else is compared.
    """
    if len(first.nodes) != len(second.nodes):
        return [f"the first has {len(first.nodes)} layers, the second {len(second.nodes)}"]
    pairs = list(zip(first.nodes, second.nodes, strict=True))
    layers = [
        f"layer {index} is {one.operator} in the first, {other.operator} in the second"
        for index, (one, other) in enumerate(pairs)
        if one.operator != other.operator or len(one.inputs) != len(other.inputs)
    ]
    if layers:
        return layers
    inputs = zip(first.of(first.inputs), second.of(second.inputs), strict=True)
    found = [line for one, other in inputs for line in _tensor("the input", one, other)]
    found += [line for index, pair in enumerate(pairs) for line in _layer(index, first, second, *pair)]
    return found + _outputs(first, second)


def _outputs(first: Graph, second: Graph) -> list[str]:
    mine, theirs = ([_place(graph, name) for name in graph.outputs] for graph in (first, second))
    if mine == theirs:
        return []
    return [f"the first returns what {', '.join(mine)} gives, the second what {', '.join(theirs)} gives"]


def _place(graph: Graph, name: str) -> str:
    places = [f"layer {index} ({node.kind})" for index, node in enumerate(graph.nodes) if name in node.outputs]
    return (places or ["the input"])[0]


def _layer(index: int, first: Graph, second: Graph, one: Node, other: Node) -> Iterator[str]:
    roles = [*ROLES[: len(one.inputs)], "output"]
    for role, mine, theirs in zip(roles, [*one.inputs, *one.outputs], [*other.inputs, *other.outputs], strict=True):
        tensors = first.tensors[mine], second.tensors[theirs]
        if role == "output" or tensors[0].constant or tensors[1].constant:
            yield from _tensor(f"layer {index} ({one.kind}): {role}", *tensors)
    if [*one.inputs, *one.outputs] != [*other.inputs, *other.outputs]:
        yield f"layer {index} ({one.kind}): reads or writes other tensors in the second"


def _tensor(what: str, one: Tensor, other: Tensor) -> Iterator[str]:
    if (one.shape, one.dtype) != (other.shape, other.dtype):
        yield f"{what}: {one.dtype} {one.shape} in the first, {other.dtype} {other.shape} in the second"
        return
    if one.quantization != other.quantization:
        yield f"{what}: {_scale(one, other)}"
    if one.data is not None and other.data is not None and not np.array_equal(one.data, other.data):
        places = np.argwhere(one.data != other.data)
        place = tuple(int(axis) for axis in places[0])
        yield (
            f"{what}: {len(places)} of {one.data.size} values differ,"
            f" at {place} {one.data[place]} in the first, {other.data[place]} in the second"
        )


def _scale(one: Tensor, other: Tensor) -> str:
    mine, theirs = one.quantization, other.quantization
    if mine is None or theirs is None:
        return f"{'no' if mine is None else 'a'} scale in the first, {'no' if theirs is None else 'a'} in the second"
    if mine.zero_point != theirs.zero_point:
        return f"zero point {mine.zero_point} in the first, {theirs.zero_point} in the second"
    if mine.scale.shape != theirs.scale.shape or mine.axis != theirs.axis:
        return f"{mine.scale.size} scales along {mine.axis} in the first, {theirs.scale.size} along {theirs.axis}"
    place = int(np.flatnonzero(mine.scale != theirs.scale)[0])
    return f"scale {place} is {mine.scale[place]:.9g} in the first, {theirs.scale[place]:.9g} in the second"
