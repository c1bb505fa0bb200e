"""Every operator in C gives what its integer statement gives: the cases that hold that to TFLite Micro, compiled."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgestill.pipeline.graph.graph import Graph, Node
from edgestill.tests import (
    test_graph_images,
    test_graph_moving,
    test_graph_nonlinear,
    test_graph_operators,
    test_graph_products,
)
from edgestill.tests.built_c import check_in_c
from edgestill.tests.single_operator import EXAMPLES, seeds

FAMILIES = (test_graph_operators, test_graph_moving, test_graph_nonlinear, test_graph_products, test_graph_images)
IN_FLOAT = ("quantize", "dequantize")
CASES = {name: draw for family in FAMILIES for name, draw in family.INTEGER.items() if name not in IN_FLOAT}
TOGETHER = 20  # graphs in one program
programs = settings(max_examples=max(2, EXAMPLES // TOGETHER), deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("operator", CASES)
@given(st.data())
@programs
def test_an_operator_in_c_is_its_integer_statement_bit_for_bit(operator: str, data: st.DataObject) -> None:
    graphs = [CASES[operator](data.draw) for _ in range(TOGETHER)]
    check_in_c(side_by_side(graphs), data.draw(seeds))


def side_by_side(graphs: list[Graph]) -> Graph:
    """One graph of several that have nothing to do with each other."""
    parts = [numbered(graph, index) for index, graph in enumerate(graphs)]
    return Graph(
        {name: tensor for part in parts for name, tensor in part.tensors.items()},
        tuple(node for part in parts for node in part.nodes),
        tuple(name for part in parts for name in part.inputs),
        tuple(name for part in parts for name in part.outputs),
    )


def numbered(graph: Graph, index: int) -> Graph:
    """The same graph under names that end in a number."""

    def named(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(f"{name}_{index}" for name in names)

    tensors = [replace(tensor, name=f"{name}_{index}") for name, tensor in graph.tensors.items()]
    nodes = tuple(Node(node.operator, named(node.inputs), named(node.outputs)) for node in graph.nodes)
    return Graph({tensor.name: tensor for tensor in tensors}, nodes, named(graph.inputs), named(graph.outputs))
