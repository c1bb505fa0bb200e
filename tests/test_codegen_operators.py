"""Every operator in C gives what its integer statement gives: the cases that hold that to TFLite Micro, compiled."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from edgestill.pipeline.artifact import of_file
from edgestill.pipeline.graph.execute import run_integer
from edgestill.pipeline.graph.graph import Graph, Node
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.targets.emulation import tools
from edgestill.targets.emulation.microcontroller import Microcontroller
from edgestill.tests import (
    test_graph_images,
    test_graph_moving,
    test_graph_nonlinear,
    test_graph_operators,
    test_graph_products,
)
from edgestill.tests.built_c import check_in_c
from edgestill.tests.single_operator import EXAMPLES, samples, seeds
from edgestill.tests.wanted import want

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


@given(data=st.data())
@settings(programs, max_examples=2, derandomize=True, phases=[Phase.generate])  # the first one is all ones
def test_so_it_is_on_a_core_with_signal_instructions(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    want(tools.has_program(tools.GCC), "mcu", tools.BRINGS_GCC)
    want(tools.has_program(tools.QEMU), "mcu", tools.BRINGS_QEMU)
    graph = side_by_side([draw(data.draw) for draw in CASES.values() for _ in range(2)])
    path = tmp_path_factory.mktemp("operators") / "net.tflite"
    path.write_bytes(to_tflite(graph))
    inputs = samples(graph, 0)
    with Microcontroller("cortex-m4").load(of_file(path)) as loaded:
        found = loaded.infer(inputs)
    for ours, theirs in zip(found, run_integer(graph, inputs), strict=True):
        np.testing.assert_array_equal(ours.reshape(theirs.shape), theirs)


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
