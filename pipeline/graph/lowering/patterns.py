"""Finds what files say by several nodes and the graph by one operator: a GELU, a hard swish, an inverse root."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import sqrt

from .hard_swishes import with_hard_swishes
from .matching import depending_on_input, numbers_of, only_reader, other_input, with_replaced, works_by
from .normalizations import with_normalizations
from .reader import OnnxModel, OnnxNode


def recognised(model: OnnxModel) -> OnnxModel:
    """The same model with Gelu in the place of x * (1 + erf(x / sqrt(2))) * 0.5, and Rsqrt in that of 1 / sqrt(x).

    A value divided by a root is multiplied by the inverse root, unless both are a normalization.
    """
    return _with_inverse_roots(with_normalizations(with_hard_swishes(_with_gelus(model))))


def _with_gelus(model: OnnxModel) -> OnnxModel:
    numbers, nodes = numbers_of(model), list(model.nodes)
    for erf in [node for node in model.nodes if node.operator == "Erf"]:
        found = _gelu(erf, nodes, numbers)
        if found is not None:
            x, parts = found
            last = max(parts, key=nodes.index)
            gelu = OnnxNode("Gelu", last.name, (x,), last.outputs, {}, last.proto)
            nodes = with_replaced(nodes, last, [gelu], parts, model.outputs)
    return replace(model, nodes=tuple(nodes))


def _with_inverse_roots(model: OnnxModel) -> OnnxModel:
    numbers, nodes = numbers_of(model), list(model.nodes)
    depending = depending_on_input(model)
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
            nodes = with_replaced(nodes, reader, new, [root, reader], model.outputs)
    return replace(model, nodes=tuple(nodes))


def _gelu(erf: OnnxNode, nodes: Sequence[OnnxNode], numbers: Mapping[str, float]) -> tuple[str, list[OnnxNode]] | None:
    """What is put in, and the nodes that say GELU of it."""
    before = next((node for node in nodes if erf.input(0) in node.outputs), None)
    plus = only_reader(erf, nodes, "Add")
    if before is None or plus is None or not works_by(plus, erf.outputs[0], 1.0, numbers):
        return None
    x = before.input(0) if before.input(1) in numbers else before.input(1)
    inverse = before.operator == "Mul" and works_by(before, x, 1 / sqrt(2), numbers)
    if not inverse and not (
        before.operator == "Div" and works_by(before, x, sqrt(2), numbers) and before.input(0) == x
    ):
        return None
    product = only_reader(plus, nodes, "Mul")
    other = other_input(product, plus.outputs[0])
    half = next((node for node in nodes if other in node.outputs), None)
    if product is not None and other == x:
        last = only_reader(product, nodes, "Mul")
        if last is not None and works_by(last, product.outputs[0], 0.5, numbers):
            return x, [before, erf, plus, product, last]
    if product is not None and half is not None and half.operator == "Mul" and works_by(half, x, 0.5, numbers):
        return x, [before, erf, plus, half, product]
    return None
