"""Finds the hard swishes that files say by their parts: x * hard sigmoid of x, or x * relu6(x + 3) / 6."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import isclose

from .matching import numbers_of, only_reader, other_input, with_replaced, works_by
from .reader import OnnxModel, OnnxNode

Found = tuple[str, list[OnnxNode]]  # what is put in, and the nodes that say a hard swish of it


def with_hard_swishes(model: OnnxModel) -> OnnxModel:
    """The same model with HardSwish in their place."""
    numbers, nodes = numbers_of(model), list(model.nodes)
    for x, parts in [*_of_hard_sigmoids(nodes), *_of_clips(nodes, numbers)]:
        last = parts[-1]
        swish = OnnxNode("HardSwish", last.name, (x,), last.outputs, {}, last.proto)
        nodes = with_replaced(nodes, last, [swish], parts, model.outputs)
    return replace(model, nodes=tuple(nodes))


def _of_hard_sigmoids(nodes: Sequence[OnnxNode]) -> Iterator[Found]:
    for gate in [node for node in nodes if node.operator == "HardSigmoid"]:
        product, x = only_reader(gate, nodes, "Mul"), gate.input(0)
        alike = isclose(gate.attributes.get("alpha", 0.2), 1 / 6, rel_tol=1e-3)
        alike = alike and gate.attributes.get("beta", 0.5) == 0.5
        if alike and product is not None and other_input(product, gate.outputs[0]) == x:
            yield x, [gate, product]


def _of_clips(nodes: Sequence[OnnxNode], numbers: Mapping[str, float]) -> Iterator[Found]:
    for plus in [node for node in nodes if node.operator == "Add" and len(node.inputs) == 2]:
        x = next((name for name in plus.inputs if name not in numbers), "")
        clip = only_reader(plus, nodes, "Clip")
        if clip is None or not works_by(plus, x, 3.0, numbers):
            continue
        if (numbers.get(clip.input(1)), numbers.get(clip.input(2))) == (0.0, 6.0):
            rest = _product_over_six(clip, x, nodes, numbers)
            if rest is not None:
                yield x, [plus, clip, *rest]


def _product_over_six(
    clip: OnnxNode, x: str, nodes: Sequence[OnnxNode], numbers: Mapping[str, float]
) -> list[OnnxNode] | None:
    """The product with x and the division by 6 behind a clip, whichever comes first."""
    product = only_reader(clip, nodes, "Mul")
    if product is not None and other_input(product, clip.outputs[0]) == x:
        sixth = _over_six(product, nodes, numbers)
        return None if sixth is None else [product, sixth]
    sixth = _over_six(clip, nodes, numbers)
    product = None if sixth is None else only_reader(sixth, nodes, "Mul")
    if sixth is None or product is None or other_input(product, sixth.outputs[0]) != x:
        return None
    return [sixth, product]


def _over_six(node: OnnxNode, nodes: Sequence[OnnxNode], numbers: Mapping[str, float]) -> OnnxNode | None:
    """The only reader, where it divides by 6 or multiplies by 1/6."""
    name = node.outputs[0]
    divided, multiplied = only_reader(node, nodes, "Div"), only_reader(node, nodes, "Mul")
    if divided is not None and divided.input(0) == name and works_by(divided, name, 6.0, numbers):
        return divided
    return multiplied if multiplied is not None and works_by(multiplied, name, 1 / 6, numbers) else None
