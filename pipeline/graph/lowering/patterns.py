"""Finds what files say by several nodes and the graph by one operator: a GELU, an inverse root."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isclose, sqrt
from typing import Any

from numpy.typing import NDArray

from .reader import OnnxModel, OnnxNode


def recognised(model: OnnxModel) -> OnnxModel:
    """The same model with Gelu in the place of x * (1 + erf(x / sqrt(2))) * 0.5, and Rsqrt in that of 1 / sqrt(x).

    A value divided by a root is multiplied by the inverse root.
    """
    return _with_inverse_roots(_with_gelus(model))


def _with_gelus(model: OnnxModel) -> OnnxModel:
    numbers, nodes = _numbers(model), list(model.nodes)
    for erf in [node for node in model.nodes if node.operator == "Erf"]:
        found = _gelu(erf, nodes, numbers)
        if found is not None:
            x, parts = found
            last = max(parts, key=nodes.index)
            gelu = OnnxNode("Gelu", last.name, (x,), last.outputs, {}, last.proto)
            nodes = _replaced(nodes, last, [gelu], parts, model.outputs)
    return replace(model, nodes=tuple(nodes))


def _with_inverse_roots(model: OnnxModel) -> OnnxModel:
    numbers, nodes = _numbers(model), list(model.nodes)
    depending = _depending(model)
    for root in [node for node in model.nodes if node.operator == "Sqrt" and node.outputs[0] in depending]:
        for reader in [node for node in nodes if root.outputs[0] in node.inputs[-1:]]:
            inverse = f"inverse of {root.outputs[0]}"
            if reader.operator == "Reciprocal" or (reader.operator == "Div" and numbers.get(reader.input(0)) == 1.0):
                new = [OnnxNode("Rsqrt", reader.name, root.inputs, reader.outputs, {}, reader.proto)]
            elif reader.operator == "Div" and reader.input(0) != root.outputs[0]:
                new = [
                    OnnxNode("Rsqrt", root.name, root.inputs, (inverse,), {}, root.proto),
                    OnnxNode("Mul", reader.name, (reader.input(0), inverse), reader.outputs, {}, reader.proto),
                ]
            else:
                continue
            nodes = _replaced(nodes, reader, new, [root, reader], model.outputs)
    return replace(model, nodes=tuple(nodes))


def _depending(model: OnnxModel) -> set[str]:
    """The names whose values, and not only shapes, depend on the model's input."""
    found = {model.input}
    for node in model.nodes:
        if node.operator != "Shape" and not found.isdisjoint(node.inputs):
            found.update(node.outputs)
    return found


def _replaced(
    nodes: list[OnnxNode], place: OnnxNode, new: Sequence[OnnxNode], parts: Sequence[OnnxNode], outputs: Sequence[str]
) -> list[OnnxNode]:
    """The nodes with new ones in the place of one, and without those parts that nobody else reads."""
    index = nodes.index(place)
    nodes = [*nodes[:index], *new, *nodes[index + 1 :]]
    read = {name for node in nodes if node not in parts for name in node.inputs} | set(outputs)
    return [node for node in nodes if node not in parts or not read.isdisjoint(node.outputs)]


def _gelu(erf: OnnxNode, nodes: Sequence[OnnxNode], numbers: Mapping[str, float]) -> tuple[str, list[OnnxNode]] | None:
    """What is put in, and the nodes that say GELU of it."""
    before = next((node for node in nodes if erf.input(0) in node.outputs), None)
    plus = _only_reader(erf, nodes, "Add")
    if before is None or plus is None or not _by(plus, erf.outputs[0], 1.0, numbers):
        return None
    x = before.input(0) if before.input(1) in numbers else before.input(1)
    inverse = before.operator == "Mul" and _by(before, x, 1 / sqrt(2), numbers)
    if not inverse and not (before.operator == "Div" and _by(before, x, sqrt(2), numbers) and before.input(0) == x):
        return None
    product = _only_reader(plus, nodes, "Mul")
    other = _other(product, plus.outputs[0])
    half = next((node for node in nodes if other in node.outputs), None)
    if product is not None and other == x:
        last = _only_reader(product, nodes, "Mul")
        if last is not None and _by(last, product.outputs[0], 0.5, numbers):
            return x, [before, erf, plus, product, last]
    if product is not None and half is not None and half.operator == "Mul" and _by(half, x, 0.5, numbers):
        return x, [before, erf, plus, half, product]
    return None


def _only_reader(node: OnnxNode, nodes: Sequence[OnnxNode], operator: str) -> OnnxNode | None:
    readers = [other for other in nodes if node.outputs[0] in other.inputs]
    return readers[0] if len(readers) == 1 and readers[0].operator == operator else None


def _by(node: OnnxNode, x: str, number: float, numbers: Mapping[str, float]) -> bool:
    """Whether a node of two inputs works on x and this number."""
    other = numbers.get(_other(node, x) or "")
    return other is not None and isclose(other, number, rel_tol=1e-3)


def _other(node: OnnxNode | None, name: str) -> str | None:
    if node is None or len(node.inputs) != 2 or name not in node.inputs:
        return None
    return node.inputs[1 - node.inputs.index(name)]


def _numbers(model: OnnxModel) -> dict[str, float]:
    """Constants of one value."""
    arrays: dict[str, NDArray[Any]] = dict(model.constants)
    for node in model.nodes:
        if node.operator == "Constant" and hasattr(node.attributes.get("value"), "size"):
            arrays[node.outputs[0]] = node.attributes["value"]
    return {
        name: float(array.ravel()[0]) for name, array in arrays.items() if array.size == 1 and array.dtype.kind == "f"
    }
