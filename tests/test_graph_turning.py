"""What moves, cuts and joins values, on any axes: the graph computes what the ONNX file does, float and integer."""

from typing import Any

import numpy as np
import onnxruntime
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from edgestill.pipeline.graph.execute import run_float, run_integer
from edgestill.pipeline.graph.from_onnx import from_onnx, lower
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import Graph
from edgestill.pipeline.graph.lowering.turning import on_own_axes, transposition
from edgestill.pipeline.graph.operators import Transpose
from edgestill.pipeline.graph.to_onnx import to_onnx
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.pipeline.quantization.calibrate import calibrate
from edgestill.pipeline.quantization.quantize import quantize
from edgestill.tests.single_operator import EXAMPLES, SAMPLES, Draw, in_tflite_micro

Arrays = dict[str, NDArray[Any]]


class Chain:
    """An ONNX graph of one value that is worked on again and again."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.given = self.shape = shape
        self.nodes: list[NodeProto] = []
        self.constants: Arrays = {}
        self.value = "x"

    def then(self, operator: str, shape: tuple[int, ...], *inputs: str, **attributes: Any) -> None:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, [self.value, *inputs], [name], **attributes))
        self.value, self.shape = name, shape

    def constant(self, values: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(values)
        return name

    def model(self) -> bytes:
        graph = helper.make_graph(
            [*self.nodes, helper.make_node("Identity", [self.value], ["y"])],
            "chain",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.given)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(values, name) for name, values in self.constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        data: bytes = model.SerializeToString()
        return data


def turn(draw: Draw, chain: Chain) -> None:
    order = [0, *draw(st.permutations(range(1, len(chain.shape))))]
    chain.then("Transpose", tuple(chain.shape[axis] for axis in order), perm=order)


def reshape(draw: Draw, chain: Chain) -> None:
    left = int(np.prod(chain.shape))
    shape = [1]
    for _ in range(draw(st.integers(0, 2))):
        shape.append(draw(st.sampled_from([n for n in range(1, left + 1) if left % n == 0])))
        left //= shape[-1]
    shape.append(left)
    chain.then("Reshape", tuple(shape), chain.constant(np.array(shape)))


def cut(draw: Draw, chain: Chain) -> None:
    axis = draw(st.integers(1, len(chain.shape) - 1))
    length, step = chain.shape[axis], draw(st.integers(1, 2))
    start = draw(st.integers(0, length - 1))
    end = draw(st.integers(start + 1, length))
    shape = (*chain.shape[:axis], -(-(end - start) // step), *chain.shape[axis + 1 :])
    spans = [chain.constant(np.array([number])) for number in (start, end, axis, step)]
    chain.then("Slice", shape, *spans)


def choose(draw: Draw, chain: Chain) -> None:
    if len(chain.shape) < 3:
        return
    axis = draw(st.integers(1, len(chain.shape) - 1))
    shape = (*chain.shape[:axis], *chain.shape[axis + 1 :])
    index = chain.constant(np.array(draw(st.integers(-chain.shape[axis], chain.shape[axis] - 1))))
    chain.then("Gather", shape, index, axis=axis)


def part_and_join(draw: Draw, chain: Chain) -> None:
    """Two parts in the other order, and a constant between."""
    axis = draw(st.integers(1, len(chain.shape) - 1))
    length = chain.shape[axis]
    if length < 2:
        return
    first = draw(st.integers(1, length - 1))
    kept = chain.shape
    names = [f"s{len(chain.nodes)}", f"t{len(chain.nodes)}"]
    lengths = chain.constant(np.array([first, length - first]))
    chain.nodes.append(helper.make_node("Split", [chain.value, lengths], names, axis=axis))
    between = chain.constant(np.ones((*kept[:axis], 1, *kept[axis + 1 :]), np.float32) / 2)
    chain.value = names[1]
    chain.then("Concat", (*kept[:axis], length + 1, *kept[axis + 1 :]), between, names[0], axis=axis)


def normalise(draw: Draw, chain: Chain) -> None:
    chain.then("Softmax", chain.shape, axis=draw(st.integers(1, len(chain.shape) - 1)))


def average(draw: Draw, chain: Chain) -> None:
    axis = draw(st.integers(1, len(chain.shape) - 1))
    shape = (*chain.shape[:axis], 1, *chain.shape[axis + 1 :])
    chain.then("ReduceMean", shape, axes=[axis], keepdims=1)


def shift(draw: Draw, chain: Chain) -> None:
    """A sum with a constant that spreads over some axes."""
    shape = [length if draw(st.booleans()) else 1 for length in chain.shape]
    values = np.random.default_rng(len(chain.nodes)).standard_normal(shape).astype(np.float32)
    chain.then(draw(st.sampled_from(["Add", "Sub", "Mul"])), chain.shape, chain.constant(values))


def rectify(draw: Draw, chain: Chain) -> None:
    chain.then("Relu", chain.shape)


MOVES = (turn, turn, reshape, cut, choose, part_and_join)
STEPS = (*MOVES, normalise, average, shift, rectify)


def chain_of(draw: Draw, steps: Any) -> Chain:
    chain = Chain((1, *draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))))
    for step in draw(st.lists(st.sampled_from(steps), min_size=1, max_size=6)):
        step(draw, chain)
    return chain


def in_onnx_runtime(data: bytes, x: NDArray[np.float32]) -> NDArray[Any]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: row[None]})[0] for row in x])


def samples(shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((SAMPLES, *shape[1:])).astype(np.float32)


@settings(max_examples=2 * EXAMPLES, deadline=None)
@given(st.data())
def test_any_chain_of_moves_computes_what_onnx_does(data: st.DataObject) -> None:
    chain = chain_of(data.draw, STEPS)
    model, x = chain.model(), samples(chain.given)
    graph, values = lower(model)
    fed = values["x"].as_graph(x, graph.tensors[graph.inputs[0]].shape)
    (found,) = run_float(graph, [fed])
    np.testing.assert_allclose(values["y"].as_onnx(found), in_onnx_runtime(model, x), atol=1e-5)
    assert from_tflite(to_tflite(graph)) == graph


def quantized(data: st.DataObject, steps: Any) -> tuple[Graph, NDArray[Any]]:
    chain = chain_of(data.draw, steps)
    graph, values = lower(chain.model())
    fed = values["x"].as_graph(samples(chain.given), graph.tensors[graph.inputs[0]].shape)
    integer = quantize(graph, calibrate(graph, [fed]), fed)
    scale = integer.tensors[integer.inputs[0]].quantization
    assert scale is not None
    return integer, scale.quantize(fed)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data())
def test_any_chain_in_integers_is_tflite_micro_s_to_the_bit(data: st.DataObject) -> None:
    integer, fed = quantized(data, STEPS)
    if not integer.nodes:
        return
    np.testing.assert_array_equal(run_integer(integer, [fed])[0], in_tflite_micro(to_tflite(integer), [fed]))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data())
def test_a_qdq_file_of_a_chain_reads_back_as_what_computes_the_same(data: st.DataObject) -> None:
    integer, fed = quantized(data, STEPS)
    again = from_onnx(to_onnx(integer))
    np.testing.assert_array_equal(run_integer(again, [fed])[0], run_integer(integer, [fed])[0])


@given(st.data())
def test_every_transposition_is_found_again(data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=5))
    order = data.draw(st.permutations(range(len(shape))))
    x = np.arange(int(np.prod(shape))).reshape(shape)
    places = x.transpose(order).ravel()
    found = transposition(places)
    assert found is not None
    lengths, turned = found
    np.testing.assert_array_equal(x.reshape(lengths).transpose(turned).ravel(), places)
    own = on_own_axes((1, *shape), lengths, turned, (1, *(shape[axis] for axis in order)))
    if own is not None:
        np.testing.assert_array_equal(Transpose(own).compute([x[None]]).ravel(), places)


def test_an_order_that_is_no_transposition_is_told() -> None:
    assert transposition(np.array([0, 1, 3, 2])) is None
    assert transposition(np.array([0, 2, 3, 1, 4, 5])) is None


def test_what_has_a_scale_of_its_own_is_requantized_before_it_is_joined() -> None:
    """A softmax, a sum and the input itself keep their scales, but where they are joined."""
    chain = Chain((1, 4, 3, 5))
    chain.nodes += [
        helper.make_node("Softmax", ["x"], ["s"], axis=1),
        helper.make_node("Add", ["x", "x"], ["r"]),
        helper.make_node("Concat", ["s", "r", "x"], ["joined"], axis=1),
    ]
    chain.value = "joined"
    graph = from_onnx(chain.model())
    x = samples(chain.given).transpose(0, 2, 3, 1) * 4
    integer = quantize(graph, calibrate(graph, [x]), x)
    assert integer.count() == {"Softmax": 1, "Add": 1, "Quantize": 2, "Concat": 1}
    own = [integer.tensors[name].quantization for name in (*integer.inputs, integer.nodes[0].outputs[0])]
    joined = [integer.tensors[name].quantization for name in (*integer.nodes[-1].inputs, *integer.outputs)]
    assert all(scale == joined[0] for scale in joined) and joined[0] not in own
    assert own[0] is not None
    fed = own[0].quantize(x)
    np.testing.assert_array_equal(run_integer(integer, [fed])[0], in_tflite_micro(to_tflite(integer), [fed]))
    assert from_onnx(to_onnx(integer)) == integer


def test_axes_that_two_transpositions_mix_are_turned_twice() -> None:
    chain = Chain((1, 3, 1, 2))
    chain.then("Reshape", (1, 2, 3), chain.constant(np.array([1, 2, 3])))
    chain.then("Transpose", (1, 3, 2), perm=[0, 2, 1])
    model, x = chain.model(), samples(chain.given)
    graph, values = lower(model)
    (found,) = run_float(graph, [values["x"].as_graph(x, graph.tensors[graph.inputs[0]].shape)])
    np.testing.assert_array_equal(values["y"].as_onnx(found), in_onnx_runtime(model, x))
    assert graph.count()["Transpose"] == 2


def test_an_output_of_one_long_axis_keeps_its_place_in_a_qdq_file() -> None:
    """Transposed, flattened, and seen as an image of one pixel: its channels stand where they stood before."""
    chain = Chain((1, 2, 1, 2))
    chain.then("Transpose", (1, 2, 2, 1), perm=[0, 3, 1, 2])
    chain.then("Reshape", (1, 4), chain.constant(np.array([1, 4])))
    chain.then("Relu", (1, 4))
    chain.then("Reshape", (1, 4, 1, 1), chain.constant(np.array([1, 4, 1, 1])))
    graph, values = lower(chain.model())
    fed = values["x"].as_graph(samples(chain.given), graph.tensors[graph.inputs[0]].shape)
    integer = quantize(graph, calibrate(graph, [fed]), fed)
    again = from_onnx(to_onnx(integer))
    assert [again.tensors[name].shape for name in again.outputs] == [integer.tensors[integer.outputs[0]].shape]
