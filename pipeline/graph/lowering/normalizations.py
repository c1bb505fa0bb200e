"""Finds a normalization over the last axis that a file says by its means, differences and roots."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from .matching import numbers_of, other_input, with_replaced
from .reader import OnnxModel, OnnxNode

Writers = Mapping[str, OnnxNode]


def with_normalizations(model: OnnxModel) -> OnnxModel:
    """The same model with Normalize, which has no gain and no offset, in the place of (x - mean) / sqrt(var + eps)."""
    numbers, nodes = numbers_of(model), list(model.nodes)
    for division in [node for node in model.nodes if node.operator == "Div"]:
        writers = {name: node for node in nodes for name in node.outputs}
        found = _parts(division, writers, numbers)
        if found is not None:
            x, epsilon, parts = found
            attributes = {"axis": -1, "epsilon": epsilon}
            new = OnnxNode("Normalize", division.name, (x,), division.outputs, attributes, division.proto)
            nodes = with_replaced(nodes, division, [new], parts, model.outputs)
    return replace(model, nodes=tuple(nodes))


def _parts(
    division: OnnxNode, writers: Writers, numbers: Mapping[str, float]
) -> tuple[str, float, list[OnnxNode]] | None:
    """What is normalised, epsilon, and the nodes that say it."""
    chain = _up(writers, division.input(1), ["Sqrt", "Add", "ReduceMean"], numbers)
    centred = writers.get(division.input(0))
    if chain is None or centred is None or centred.operator != "Sub":
        return None
    root, plus, variance = chain
    square, mean = writers.get(variance.input(0)), writers.get(centred.input(1))
    epsilon = numbers.get(other_input(plus, variance.outputs[0]) or "")
    if square is None or mean is None or epsilon is None or mean.operator != "ReduceMean":
        return None
    if not _is_square(square, centred.outputs[0], numbers) or mean.input(0) != centred.input(0):
        return None
    kept = all(node.attributes.get("keepdims", 1) and _axes(node, writers) == [-1] for node in (mean, variance))
    return (centred.input(0), epsilon, [mean, centred, square, variance, plus, root, division]) if kept else None


def _up(
    writers: Writers, name: str, operators: Sequence[str], numbers: Mapping[str, float]
) -> tuple[OnnxNode, ...] | None:
    """The nodes of these operators that lead to a name, each the writer of what the one before reads."""
    found: list[OnnxNode] = []
    for operator in operators:
        node = writers.get(name)
        if node is None or node.operator != operator:
            return None
        found.append(node)
        name = next((read for read in node.inputs if read not in numbers), "")
    return tuple(found)


def _is_square(node: OnnxNode, x: str, numbers: Mapping[str, float]) -> bool:
    by_power = node.operator == "Pow" and node.input(0) == x and numbers.get(node.input(1)) == 2.0
    return by_power or (node.operator == "Mul" and node.inputs == (x, x))


def _axes(node: OnnxNode, writers: Writers) -> list[int]:
    """The axes of a mean where they are an attribute, or a Constant node; none where they stand elsewhere."""
    constant = writers.get(node.input(1)) if node.input(1) else None
    given = node.attributes.get("axes") if constant is None else constant.attributes.get("value")
    return [int(axis) for axis in given] if given is not None else []
