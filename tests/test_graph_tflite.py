"""TFLite files, ours and others': what is written reads back equal, what is damaged or unknown is said in one line."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tflite_micro.python.tflite_micro import runtime as tflite_micro

from edgestill.pipeline.errors import BadModel, Unsupported
from edgestill.pipeline.graph.execute import run_integer
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import Graph, Node, renumbered
from edgestill.pipeline.graph.operators import (
    Add,
    AveragePool2d,
    Conv2d,
    DepthwiseConv2d,
    FullyConnected,
    MaxPool2d,
    Mean,
    Operator,
    Pad,
    Relu,
    Relu6,
    Reshape,
    Softmax,
)
from edgestill.pipeline.graph.tensor import Tensor
from edgestill.pipeline.graph.to_tflite import to_tflite

MLPERF = Path(__file__).parent / "cases" / "mlperf-tiny"
KWS = (MLPERF / "kws_int8.tflite").read_bytes()
MACS = {"kws_int8": 2_656_768, "kws_fp32": 2_656_768, "ic_int8": 12_501_632, "ic_fp32": 12_501_632}
quickly = settings(max_examples=60, deadline=None)


def edited(data: bytes, edit: Callable[[Any], None]) -> bytes:
    """The file with something changed by way of the schema's own objects."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    edit(model)
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def refusal(data: bytes, error: type[BadModel] = BadModel) -> str:
    with pytest.raises(error) as caught:
        from_tflite(data, "model.tflite")
    assert str(caught.value).startswith("model.tflite: ")
    return str(caught.value)


def in_tflite_micro(data: bytes, x: NDArray[Any]) -> NDArray[Any]:
    interpreter = tflite_micro.Interpreter.from_bytes(data, arena_size=1 << 20)
    outputs = []
    for sample in x:
        interpreter.set_input(sample[None], 0)
        interpreter.invoke()
        outputs.append(np.array(interpreter.get_output(0)))
    return np.concatenate(outputs)


@pytest.mark.parametrize("name", MACS)
def test_a_foreign_file_is_read_whole(name: str) -> None:
    graph = from_tflite((MLPERF / f"{name}.tflite").read_bytes(), name)
    assert graph.macs() == MACS[name]
    assert graph.is_integer() == name.endswith("int8")
    assert graph.tensors[graph.inputs[0]].origin == graph.inputs[0]
    assert graph.metadata == {}
    assert from_tflite(to_tflite(graph)) == graph


@pytest.mark.parametrize("name", ["kws_int8", "ic_int8"])
def test_a_foreign_integer_file_computes_the_same_when_it_is_written_again_and_in_numpy(name: str) -> None:
    data = (MLPERF / f"{name}.tflite").read_bytes()
    graph = from_tflite(data)
    shape = graph.tensors[graph.inputs[0]].shape[1:]
    x = np.random.default_rng(0).integers(-128, 128, (4, *shape)).astype(np.int8)
    (ours,) = run_integer(graph, [x])
    np.testing.assert_array_equal(ours, in_tflite_micro(data, x))
    np.testing.assert_array_equal(ours, in_tflite_micro(to_tflite(renumbered(graph)), x))


def test_compressed_weights_of_a_float_file_become_the_floats_they_stand_for() -> None:
    graph = from_tflite((MLPERF / "kws_fp32.tflite").read_bytes())
    assert {tensor.dtype for tensor in graph.tensors.values()} == {"float32"}


def test_a_shape_that_stands_in_the_options_alone_reads_as_well() -> None:
    def leave_out(model: Any) -> None:
        reshape = next(entry for entry in model.subgraphs[0].operators if len(entry.inputs) == 2)
        reshape.inputs = reshape.inputs[:1]

    assert from_tflite(edited(KWS, leave_out)) == from_tflite(KWS)


def test_tensors_without_names_of_their_own_get_some() -> None:
    def rename(model: Any) -> None:
        for index, entry in enumerate(model.subgraphs[0].tensors):
            entry.name = (b"", b"a", b"a#2")[index % 3]

    graph = from_tflite(edited(KWS, rename))
    assert renumbered(graph) == renumbered(from_tflite(KWS))


class Net:
    """A float graph under construction; `last` is the newest tensor."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self.draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        self.tensors = [Tensor("0", (1, *draw(st.tuples(*[st.integers(4, 7)] * 2)), draw(st.integers(1, 4))))]
        self.nodes: list[Node] = []

    @property
    def last(self) -> Tensor:
        return next(tensor for tensor in reversed(self.tensors) if not tensor.constant)

    def constant(self, *shape: int) -> Tensor:
        data = self.rng.standard_normal(shape).astype(np.float32)
        self.tensors.append(Tensor(str(len(self.tensors)), shape, data=data))
        return self.tensors[-1]

    def put(self, operator: Operator, *inputs: Tensor) -> None:
        shape = operator.shape([tensor.shape for tensor in inputs])
        self.tensors.append(Tensor(str(len(self.tensors)), shape))
        names = tuple(tensor.name for tensor in inputs)
        self.nodes.append(Node(operator, names, (self.tensors[-1].name,)))

    def layer(self) -> None:
        """One more of the operators that keep four axes."""
        x, channels = self.last, self.last.shape[3]
        put: list[Callable[[], None]] = [
            lambda: self.put(Conv2d(padding="SAME"), x, self.constant(5, 3, 3, channels), self.constant(5)),
            lambda: self.put(Conv2d((2, 1), "SAME", activation="relu6"), x, self.constant(2, 1, 1, channels)),
            lambda: self.put(DepthwiseConv2d(padding="SAME"), x, self.constant(1, 3, 3, channels)),
            lambda: self.put(Add("relu"), x, x),
            lambda: self.put(Add(), x, self.constant(1, 1, 1, channels)),
            lambda: self.put(Relu(), x),
            lambda: self.put(Relu6(), x),
            lambda: self.put(MaxPool2d((2, 2), (1, 1), "SAME"), x),
            lambda: self.put(AveragePool2d((2, 1), (1, 2), "SAME"), x),
            lambda: self.put(Pad(((0, 0), (1, 0), (0, 2), (0, 0))), x),
        ]
        self.draw(st.sampled_from(put))()

    def head(self) -> None:
        self.put(Mean((1, 2), keep_dims=self.draw(st.booleans())), self.last)
        self.put(Reshape((1, self.last.shape[-1])), self.last)
        self.put(FullyConnected(), self.last, self.constant(3, self.last.shape[1]), self.constant(3))
        self.put(Softmax(), self.last)


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@st.composite
def nets(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Graph:
    """A small float net with a branch out of its middle, names and metadata of any characters."""
    net = Net(draw)
    for _ in range(draw(st.integers(1, 6))):
        net.layer()
    middle = net.last.name
    net.head()
    graph = Graph({t.name: t for t in net.tensors}, tuple(net.nodes), ("0",), (middle, net.last.name))
    fresh = draw(st.lists(names, min_size=len(net.tensors), max_size=len(net.tensors), unique=True))
    return replace(renamed(graph, fresh), metadata=draw(st.dictionaries(names, st.text(st.characters(codec="utf-8")))))


def renamed(graph: Graph, fresh: list[str]) -> Graph:
    new = dict(zip(graph.tensors, fresh, strict=True))
    several: Callable[[tuple[str, ...]], tuple[str, ...]] = lambda old: tuple(new[name] for name in old)  # noqa: E731
    return Graph(
        {new[name]: replace(tensor, name=new[name]) for name, tensor in graph.tensors.items()},
        tuple(Node(node.operator, several(node.inputs), several(node.outputs)) for node in graph.nodes),
        several(graph.inputs),
        several(graph.outputs),
    )


@given(nets())
@quickly
def test_what_is_written_reads_back_equal(graph: Graph) -> None:
    data = to_tflite(graph)
    assert from_tflite(data) == graph
    assert to_tflite(from_tflite(data)) == data


@given(nets())
@quickly
def test_every_buffer_lies_at_a_multiple_of_sixteen_bytes(graph: Graph) -> None:
    data = to_tflite(graph)
    model = schema.Model.GetRootAs(data, 0)
    starts = np.frombuffer(data, np.uint8).ctypes.data
    buffers = [model.Buffers(index) for index in range(model.BuffersLength())]
    offsets = [buffer.DataAsNumpy().ctypes.data - starts for buffer in buffers if buffer.DataLength()]
    assert offsets
    assert not any(offset % 16 for offset in offsets)


@given(st.integers(0, len(KWS) - 1))
@quickly
def test_a_file_cut_short_is_a_bad_model(length: int) -> None:
    refusal(KWS[:length])


@given(st.lists(st.tuples(st.integers(8, len(KWS) - 1), st.integers(0, 255)), min_size=1, max_size=20))
@quickly
def test_a_file_with_changed_bytes_is_a_graph_or_a_bad_model(changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(KWS)
    for place, value in changes:
        damaged[place] = value
    try:
        from_tflite(bytes(damaged), "model.tflite")
    except BadModel as error:
        assert str(error).startswith("model.tflite: ")


@given(st.binary(max_size=200))
@quickly
def test_any_other_bytes_are_a_bad_model(data: bytes) -> None:
    refusal(data)
    refusal(data[:4] + b"TFL3" + data[4:])


def test_weights_outside_the_flatbuffer_are_refused() -> None:
    def move_out(model: Any) -> None:
        model.buffers[5].data, model.buffers[5].offset, model.buffers[5].size = None, 4096, 64

    assert "outside the flatbuffer" in refusal(edited(KWS, move_out))


def test_every_unknown_operator_is_named_at_once() -> None:
    builtin = schema.BuiltinOperator

    def rename(model: Any) -> None:
        for code in model.operatorCodes:
            if code.deprecatedBuiltinCode in (builtin.DEPTHWISE_CONV_2D, builtin.SOFTMAX):
                code.builtinCode = code.deprecatedBuiltinCode = builtin.LSTM

    lines = refusal(edited(KWS, rename), Unsupported).splitlines()[1:]
    assert len(lines) == 5
    assert lines[-1].startswith("  T-OP-UNKNOWN  layer 12 'Identity': operator LSTM is not carried; there are ADD, ")


def test_a_custom_operator_is_named_by_its_own_name() -> None:
    def make_custom(model: Any) -> None:
        code = model.operatorCodes[0]
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = b"EthosU"

    assert "operator CUSTOM 'EthosU' is not carried" in refusal(edited(KWS, make_custom), Unsupported)


def first_layer(model: Any) -> Any:
    return model.subgraphs[0].operators[0]


def tensor(model: Any, place: int) -> Any:
    return model.subgraphs[0].tensors[first_layer(model).inputs[place]]


def tanh(model: Any) -> None:
    first_layer(model).builtinOptions.fusedActivationFunction = schema.ActivationFunctionType.TANH


def sixteen_bits(model: Any) -> None:
    tensor(model, 0).type = schema.TensorType.FLOAT16


def no_scale(model: Any) -> None:
    tensor(model, 0).quantization = None


def weights_off_zero(model: Any) -> None:
    tensor(model, 1).quantization.zeroPoint = np.full(64, 3)


def two_samples(model: Any) -> None:
    tensor(model, 0).shape = [2, 49, 10, 1]


def computed_weights(model: Any) -> None:
    tensor(model, 1).buffer = 0


def pool_to_another_scale(model: Any) -> None:
    pool = next(entry for entry in model.subgraphs[0].operators if entry.builtinOptionsType == 5)
    model.subgraphs[0].tensors[pool.outputs[0]].quantization.scale = [0.25]


def softmax_to_another_scale(model: Any) -> None:
    model.subgraphs[0].tensors[model.subgraphs[0].outputs[0]].quantization.zeroPoint = [0]


REFUSED: dict[Callable[[Any], None], str] = {
    tanh: "T-OPTION  layer 0 ",
    sixteen_bits: "T-TYPE  layer 0 ",
    no_scale: "T-SCALE  layer 0 ",
    weights_off_zero: "T-SCALE  layer 0 ",
    two_samples: "T-BATCH  input 'input_1': ",
    computed_weights: "T-WEIGHTS  layer 0 ",
    pool_to_another_scale: "T-SCALE  layer 9 ",
    softmax_to_another_scale: "T-SCALE  layer 12 ",
}


@pytest.mark.parametrize("edit", REFUSED, ids=lambda edit: edit.__name__)
def test_what_is_not_carried_is_named_with_its_layer(edit: Callable[[Any], None]) -> None:
    assert REFUSED[edit] in refusal(edited(KWS, edit), Unsupported)


def wrong_shape(model: Any) -> None:
    model.subgraphs[0].tensors[first_layer(model).outputs[0]].shape = [1, 25, 5, 63]


def too_few_bytes(model: Any) -> None:
    model.buffers[tensor(model, 1).buffer].data = np.zeros(3, np.uint8)


def read_before_written(model: Any) -> None:
    model.subgraphs[0].operators.reverse()


def no_stride(model: Any) -> None:
    first_layer(model).builtinOptions.strideH = 0


def two_subgraphs(model: Any) -> None:
    model.subgraphs.append(model.subgraphs[0])


def scale_of_nothing(model: Any) -> None:
    tensor(model, 0).quantization.scale = [0.0]


CONTRADICTIONS: dict[Callable[[Any], None], str] = {
    wrong_shape: "declares an output of shape (1, 25, 5, 63), computes (1, 25, 5, 64)",
    too_few_bytes: "has 3 bytes of data",
    read_before_written: "which nothing before it writes",
    no_stride: "all must be positive",
    two_subgraphs: "holds 2 subgraphs",
    scale_of_nothing: "a scale that is not positive and finite",
}


@pytest.mark.parametrize("edit", CONTRADICTIONS, ids=lambda edit: edit.__name__)
def test_a_file_that_contradicts_itself_is_a_bad_model(edit: Callable[[Any], None]) -> None:
    assert CONTRADICTIONS[edit] in refusal(edited(KWS, edit))
