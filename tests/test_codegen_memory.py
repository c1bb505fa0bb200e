"""The plan of a package's memory, held to by running it: every value lies where it is read, in one array of bytes."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgestill.pipeline.codegen.generate import generate
from edgestill.pipeline.codegen.layer import Layer, Site, Step, sites
from edgestill.pipeline.codegen.lead import row_lead, window_lead
from edgestill.pipeline.codegen.memory import Arena, arena, tensor_bytes
from edgestill.pipeline.codegen.passes.order import ordered
from edgestill.pipeline.codegen.placing import EXACT, Reuse, placed
from edgestill.pipeline.graph.execute import run_integer
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import Graph
from edgestill.pipeline.graph.liveness import Buffer
from edgestill.pipeline.graph.operators import Add, AveragePool2d, Conv2d, MaxPool2d, Reshape
from edgestill.pipeline.graph.operators.window import same_padding
from edgestill.pipeline.graph.tensor import Tensor, per_tensor
from edgestill.tests.built_c import check_in_c
from edgestill.tests.random_nets import Maker, check_same, nets
from edgestill.tests.single_operator import EXAMPLES, samples

MLPERF = Path(__file__).parent / "cases" / "mlperf-tiny"
IN_PLACE = ("Add", "Mul", "Quantize", "Relu", "Relu6", "Softmax")
SLIDING = (AveragePool2d, Conv2d, MaxPool2d)
Bytes = NDArray[np.uint8]


def windowed(site: Site) -> tuple[tuple[int, int], tuple[int, int]]:
    """Stride and padding of a layer that slides."""
    operator: Any = site.operator
    kernel = site.inputs[1].shape[1:3] if isinstance(operator, Conv2d) else operator.kernel
    dilation = getattr(operator, "dilation", (1, 1))
    size = site.inputs[0].shape[1:3]
    sides = [same_padding(size[k], kernel[k], operator.stride[k], dilation[k])[0] for k in (0, 1)]
    return operator.stride, (sides[0], sides[1]) if operator.padding == "SAME" else (0, 0)


def steps_of(graph: Graph, at_once: int, scratch: int) -> list[Step]:
    """Layers as kernels would declare them: in place where values are met one by one, with a lead where they slide."""

    def layer(site: Site) -> Layer:
        leads = {0: window_lead(site, *windowed(site), at_once)} if isinstance(site.operator, SLIDING) else {}
        in_place = tuple(range(len(site.inputs))) if site.kind in IN_PLACE else ()
        return Layer("", scratch=scratch * site.output.shape[-1], in_place=in_place, leads=leads)

    found = [(node, site) for node, site in sites(graph) if not isinstance(node.operator, Reshape)]
    return [Step(site, node, layer(site)) for node, site in found]


class Machine:
    """Runs layers in one array of bytes, the sliding ones a few positions at a time."""

    def __init__(self, graph: Graph, made: Arena, at_once: int) -> None:
        self.graph, self.made, self.at_once = graph, made, at_once
        self.memory = np.random.default_rng(0).integers(0, 256, made.bytes).astype(np.uint8)

    def place(self, name: str) -> Bytes:
        start = self.made.offsets[name]
        assert start % 8 == 0
        found: Bytes = self.memory[start : start + tensor_bytes(self.graph.tensors[name])]
        assert found.size == tensor_bytes(self.graph.tensors[name])
        return found

    def value(self, name: str) -> NDArray[Any]:
        tensor = self.graph.tensors[name]
        return self.place(name).view(tensor.dtype).reshape(tensor.shape) if tensor.data is None else tensor.data

    def write(self, name: str, values: NDArray[Any]) -> None:
        self.place(name)[:] = np.ascontiguousarray(values).view(np.uint8).reshape(-1)

    def run(self, steps: Sequence[Step], inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        for name, values in zip(self.graph.inputs, inputs, strict=True):
            self.write(name, values)
        for step in steps:
            self.spoil(step)
            self.slide(step) if isinstance(step.site.operator, SLIDING) else self.at_a_time(step)
        return [self.value(name).copy() for name in self.graph.outputs]

    def spoil(self, step: Step) -> None:
        if step.layer.scratch:
            start = self.made.scratches[step.site.name]
            self.memory[start : start + step.layer.scratch] ^= 0x55

    def at_a_time(self, step: Step) -> None:
        self.write(step.node.outputs[0], self.computed(step).copy())

    def slide(self, step: Step) -> None:
        """What is read is what lies there by then."""
        place, channels = self.place(step.node.outputs[0]), step.site.output.shape[-1]
        width = self.at_once * channels
        for start in range(0, place.size, width):
            fresh = self.computed(step).copy().view(np.uint8).reshape(-1)
            place[start : start + width] = fresh[start : start + width]

    def computed(self, step: Step) -> NDArray[Any]:
        given = [self.value(name) for name in step.node.inputs]
        return step.site.operator.compute_integer(given, step.site.inputs, step.site.output)


@settings(max_examples=5 * EXAMPLES, deadline=None)
@given(nets(most=8), st.integers(0, 2**32 - 1), st.integers(1, 4), st.sampled_from([0, 1, 5]))
def test_running_in_the_planned_array_gives_the_same_outputs(
    graph: Graph, seed: int, at_once: int, scratch: int
) -> None:
    steps = steps_of(graph, at_once, scratch)
    made = arena(graph, steps)
    inputs = [array[:1] for array in samples(graph, seed)]
    found = Machine(graph, made, at_once).run(steps, inputs)
    for ours, theirs in zip(found, run_integer(graph, inputs), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert made.least <= made.bytes
    assert arena(graph, steps) == made


def overlap(buffers: Sequence[Buffer], offsets: Sequence[int], i: int, j: int) -> bool:
    both = buffers[i].meets(buffers[j])
    return both and offsets[i] < offsets[j] + buffers[j].bytes and offsets[j] < offsets[i] + buffers[i].bytes


@st.composite
def chains(draw: st.DrawFn) -> tuple[list[Buffer], list[Reuse]]:
    """A buffer a step, read by later steps; some may lie on the one before where that is not read any more."""
    sizes = draw(st.lists(st.integers(0, 9).map(lambda n: 8 * n), min_size=1, max_size=9))
    waits = [draw(st.sampled_from([1, 1, 1, 2, 4])) for _ in sizes]
    buffers = [Buffer((str(i),), size, i, i + waits[i]) for i, size in enumerate(sizes)]
    leads = st.sampled_from([EXACT, 0, 5, 16, 40])
    reuses = [Reuse(i + 1, i, draw(leads)) for i in range(len(sizes) - 1) if waits[i] == 1 and draw(st.booleans())]
    return buffers, reuses


@settings(max_examples=10 * EXAMPLES, deadline=None)
@given(chains())
def test_buffers_overlap_only_as_kernels_allow(case: tuple[list[Buffer], list[Reuse]]) -> None:
    buffers, reuses = case
    made = placed(buffers, reuses, 8)
    allowed = {(reuse.output, reuse.input): reuse.lead for reuse in reuses}
    for i, j in itertools.permutations(range(len(buffers)), 2):
        if overlap(buffers, made.offsets, i, j) and (j, i) not in allowed:
            lead, gap = allowed[i, j], made.offsets[j] - made.offsets[i]
            assert gap == 0 if lead == EXACT else gap >= lead
    ends = [at + buffer.bytes for at, buffer in zip(made.offsets, buffers, strict=True)]
    assert made.least <= made.bytes == max(ends)
    assert all(offset % 8 == 0 for offset in made.offsets)


@settings(max_examples=2 * EXAMPLES, deadline=None)
@given(chains())
def test_no_placing_of_few_buffers_is_below_the_bound(case: tuple[list[Buffer], list[Reuse]]) -> None:
    """Every placing on a grid of eight bytes is tried."""
    buffers, reuses = case[0][:4], [reuse for reuse in case[1] if reuse.output < 4]
    made, allowed = placed(buffers, reuses, 8), {(r.output, r.input): r.lead for r in reuses}
    least = placed(buffers, reuses, 8).least

    def fits(offsets: Sequence[int]) -> bool:
        for i, j in itertools.combinations(range(len(buffers)), 2):
            lead = allowed.get((j, i))
            gap = offsets[i] - offsets[j]
            may = lead is not None and (gap == 0 if lead == EXACT else gap >= lead)
            if overlap(buffers, offsets, i, j) and not may:
                return False
        return True

    def ends(offsets: Sequence[int]) -> int:
        return max(at + buffer.bytes for at, buffer in zip(offsets, buffers, strict=True))

    grids = [range(0, max(8, least - buffer.bytes), 8) for buffer in buffers]
    if np.prod([len(grid) for grid in grids]) < 5000:
        assert not any(fits(offsets) and ends(offsets) < least for offsets in itertools.product(*grids))
    assert made.bytes >= least


def every_order(graph: Graph, done: tuple[int, ...] = ()) -> Iterator[Graph]:
    """The graph in each order in which its layers may run."""
    if len(done) == len(graph.nodes):
        yield replace(graph, nodes=tuple(graph.nodes[index] for index in done))
    made = {*graph.inputs, *(graph.nodes[index].outputs[0] for index in done)}
    for index, node in enumerate(graph.nodes):
        ready = all(name in made or graph.tensors[name].constant for name in node.inputs)
        if index not in done and ready:
            yield from every_order(graph, (*done, index))


@settings(max_examples=3 * EXAMPLES, deadline=None)
@given(nets(most=4), st.integers(1, 3), st.sampled_from([0, 3]), st.integers(0, 2**32 - 1))
def test_the_order_that_is_chosen_needs_least_of_all(graph: Graph, at_once: int, scratch: int, seed: int) -> None:
    assume(len(graph.nodes) <= 9)
    steps = steps_of(graph, at_once, scratch)
    chosen = ordered(graph, steps)
    assert sorted(map(id, chosen.nodes)) == sorted(map(id, graph.nodes))
    assert arena(chosen, steps).least == min(arena(other, steps).least for other in every_order(graph))
    check_same(graph, chosen, seed)


@pytest.mark.parametrize("branches", [2, 20])
def test_branches_that_shrink_run_one_behind_the_other(branches: int) -> None:
    """Each grows to 4,000 bytes and shrinks to 100. Of twenty, the orders are too many to be looked at."""
    made = Maker(np.random.default_rng(0), {"x": Tensor("x", (1, 10, 10, 1), "int8", per_tensor(0.5, 0))})
    now = ["x"] * branches
    for width in (40, 1):
        for index in range(branches):
            made.now = now[index]
            made.weighted(Conv2d(), (width, 1, 1, made.shape[3]), 0)
            now[index] = made.now
    for name in now[1:]:
        made.layer(Add(), (made.now, name), per_tensor(0.5, 0))
    graph = made.graph([made.now])
    steps = steps_of(graph, at_once=1, scratch=0)
    assert arena(graph, steps).bytes >= 4_000 * branches
    chosen = ordered(graph, steps)
    assert arena(chosen, steps).bytes < 4_200 + 104 * branches
    check_same(graph, chosen, 0)


def test_rows_that_grow_lead_by_what_they_grow() -> None:
    assert row_lead(rows=9, depth=4, outputs=4, at_once=3) == 0
    assert row_lead(rows=9, depth=8, outputs=4, at_once=3) == 0
    assert row_lead(rows=9, depth=4, outputs=8, at_once=3) == 6 * 4
    assert row_lead(rows=10, depth=4, outputs=8, at_once=3) == 9 * 4
    assert row_lead(rows=1, depth=640, outputs=9000, at_once=3) == 0


@pytest.mark.parametrize(("name", "most"), [("kws", 8_600), ("ic", 34_500), ("vww", 38_800), ("ad", 768)])
def test_the_reference_models_fit_into_less_than_their_largest_pairs_of_tensors(name: str, most: int) -> None:
    graph = from_tflite((MLPERF / f"{name}_int8.tflite").read_bytes())
    made = generate(graph, name).arena
    assert made.least <= made.bytes <= most
    assert made.bytes <= 1.01 * made.least


@settings(max_examples=max(6, EXAMPLES // 4), deadline=None, phases=[Phase.reuse, Phase.generate])
@given(nets(), st.integers(0, 2**32 - 1))
def test_random_nets_give_the_same_integers_in_c(graph: Graph, seed: int) -> None:
    check_in_c(graph, seed, "-O0")
