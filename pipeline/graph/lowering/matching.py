"""What patterns of nodes are found and replaced by: who reads what, by which numbers."""

from collections.abc import Mapping, Sequence
from math import isclose
from typing import Any

from numpy.typing import NDArray

from .reader import OnnxModel, OnnxNode


def depending_on_input(model: OnnxModel) -> set[str]:
    """The names whose values, and not only shapes, depend on the model's input."""
    found = {model.input}
    for node in model.nodes:
        if node.operator != "Shape" and not found.isdisjoint(node.inputs):
            found.update(node.outputs)
    return found


def with_replaced(
    nodes: list[OnnxNode], place: OnnxNode, new: Sequence[OnnxNode], parts: Sequence[OnnxNode], outputs: Sequence[str]
) -> list[OnnxNode]:
    """The nodes with new ones in the place of one, and without those parts, in their order, that nobody else reads."""
    index = nodes.index(place)
    nodes = [*nodes[:index], *new, *nodes[index + 1 :]]
    read = {name for node in nodes if node not in parts for name in node.inputs} | set(outputs)
    for part in reversed(parts):  # what somebody else reads stays, and what it reads itself
        if part in nodes and not read.isdisjoint(part.outputs):
            read.update(part.inputs)
    return [node for node in nodes if node not in parts or not read.isdisjoint(node.outputs)]


def only_reader(node: OnnxNode, nodes: Sequence[OnnxNode], operator: str) -> OnnxNode | None:
    readers = [other for other in nodes if node.outputs[0] in other.inputs]
    return readers[0] if len(readers) == 1 and readers[0].operator == operator else None


def works_by(node: OnnxNode, x: str, number: float, numbers: Mapping[str, float]) -> bool:
    """Whether a node of two inputs works on x and this number."""
    other = numbers.get(other_input(node, x) or "")
    return other is not None and isclose(other, number, rel_tol=1e-3)


def other_input(node: OnnxNode | None, name: str) -> str | None:
    if node is None or len(node.inputs) != 2 or name not in node.inputs:
        return None
    return node.inputs[1 - node.inputs.index(name)]


def numbers_of(model: OnnxModel) -> dict[str, float]:
    """Constants of one value."""
    arrays: dict[str, NDArray[Any]] = dict(model.constants)
    for node in model.nodes:
        if node.operator == "Constant" and hasattr(node.attributes.get("value"), "size"):
            arrays[node.outputs[0]] = node.attributes["value"]
    return {
        name: float(array.ravel()[0]) for name, array in arrays.items() if array.size == 1 and array.dtype.kind == "f"
    }
