"""What files say by operators that the graph does not have: read as others that give the same values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from edgestill.pipeline.errors import Unsupported
from edgestill.pipeline.graph.execute import run_float, run_integer
from edgestill.pipeline.graph.flatbuffer import AlignedBuffer, pack
from edgestill.pipeline.graph.from_onnx import from_onnx
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import Graph, Node
from edgestill.pipeline.graph.operators import Concat, Slice, Sub
from edgestill.pipeline.graph.tensor import Tensor, per_tensor
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.tests.lowered import check_float
from edgestill.tests.onnx_text import model_of
from edgestill.tests.single_operator import (
    as_float,
    graph_of,
    in_litert,
    in_tflite_micro,
    int8,
    quantized,
    samples,
    seeds,
    thoroughly,
)


def read(data: bytes) -> Any:
    """The file's objects, with lists that grow."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    graph = model.subgraphs[0]
    for operator in graph.operators:
        operator.inputs, operator.outputs = list(operator.inputs), list(operator.outputs)
    return model


def code_of(model: Any, name: str) -> int:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
    code.version = 2
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def constant(model: Any, name: str, values: Sequence[int], rank: int = 1) -> int:
    buffer, tensor = AlignedBuffer(), schema.TensorT()
    buffer.data = np.array(values, np.int32).tobytes()
    model.buffers.append(buffer)
    tensor.name, tensor.buffer, tensor.type = name.encode(), len(model.buffers) - 1, schema.TensorType.INT32
    tensor.shape = np.array([len(values)] * rank, np.int32)
    model.subgraphs[0].tensors.append(tensor)
    return len(model.subgraphs[0].tensors) - 1


def operator_of(model: Any, name: str, options: str, inputs: list[int], outputs: list[int], **fields: Any) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex = code_of(model, name)
    operator.inputs, operator.outputs = inputs, outputs
    operator.builtinOptionsType = getattr(schema.BuiltinOptions, options)
    operator.builtinOptions = getattr(schema, f"{options}T")()
    for field, value in fields.items():
        setattr(operator.builtinOptions, field, value)
    return operator


def parted(x: Tensor, axis: int, lengths: Sequence[int]) -> Graph:
    """x in parts of these lengths, joined again in the other order."""
    tensors, nodes, start = [x], list[Node](), 0
    for place, length in enumerate(lengths):
        shape = tuple(length if k == axis else n for k, n in enumerate(x.shape))
        begin = tuple(start if k == axis else 0 for k in range(len(shape)))
        tensors.append(Tensor(f"p{place}", shape, x.dtype, x.quantization))
        nodes.append(Node(Slice(begin, shape), ("x",), (f"p{place}",)))
        start += length
    names = tuple(reversed([tensor.name for tensor in tensors[1:]]))
    tensors.append(Tensor("y", x.shape, x.dtype, x.quantization))
    nodes.append(Node(Concat(axis), names, ("y",)))
    return Graph({tensor.name: tensor for tensor in tensors}, tuple(nodes), ("x",), ("y",))


def as_split(graph: Graph, axis: int, lengths: Sequence[int], equal: bool) -> bytes:
    """The same file with one SPLIT or SPLIT_V in place of its slices."""
    model = read(to_tflite(graph))
    inner = model.subgraphs[0]
    *slices, joined = inner.operators
    x, outputs = slices[0].inputs[0], [one.outputs[0] for one in slices]
    if equal:
        inputs = [constant(model, "axis", [axis], rank=0), x]
        made = operator_of(model, "SPLIT", "SplitOptions", inputs, outputs, numSplits=len(lengths))
    else:
        inputs = [x, constant(model, "sizes", lengths), constant(model, "axis", [axis], rank=0)]
        made = operator_of(model, "SPLIT_V", "SplitVOptions", inputs, outputs, numSplits=len(lengths))
    inner.operators = [made, joined]
    return pack(model)


@given(st.data())
@thoroughly
def test_a_split_is_read_as_slices_and_computes_the_same(data: st.DataObject) -> None:
    shape, seed = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)), data.draw(seeds)
    axis, equal = data.draw(st.integers(1, len(shape))), data.draw(st.booleans())
    lengths = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    lengths = [lengths[0]] * len(lengths) if equal else lengths
    shape[axis - 1] = sum(lengths)
    graph = parted(int8("x", tuple(shape), quantized(data.draw)), axis, lengths)
    written = as_split(graph, data.draw(st.sampled_from([axis, axis - len(shape) - 1])), lengths, equal)
    again = from_tflite(written)
    assert again.nodes == graph.nodes
    inputs = samples(graph, seed)
    (ours,) = run_integer(again, inputs)
    np.testing.assert_array_equal(ours, in_litert(written, inputs))
    np.testing.assert_array_equal(ours, in_tflite_micro(written, inputs))


def squared_difference(graph: Graph) -> bytes:
    model = read(to_tflite(graph))
    inner = model.subgraphs[0]
    (made,) = inner.operators
    inner.operators = [operator_of(model, "SQUARED_DIFFERENCE", "SquaredDifferenceOptions", made.inputs, made.outputs)]
    return pack(model)


@given(st.data())
@thoroughly
def test_a_squared_difference_of_floats_is_a_difference_and_a_product(data: st.DataObject) -> None:
    shape, seed = tuple(data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))), data.draw(seeds)
    tensors = [int8(name, shape, quantized(data.draw)) for name in "ab"]
    graph = as_float(graph_of(Sub(), tensors, quantized(data.draw)), seed)
    written, inputs = squared_difference(graph), samples(graph, seed)
    again = from_tflite(written)
    assert [node.kind for node in again.nodes] == ["Sub", "Mul"]
    np.testing.assert_allclose(run_float(again, inputs)[0], in_litert(written, inputs), rtol=1e-5, atol=1e-6)


def test_what_cannot_be_said_otherwise_is_refused_with_a_remedy() -> None:
    scale = per_tensor(0.5, 0)
    tensors = [int8(name, (3,), scale) for name in "ab"]
    with pytest.raises(
        Unsupported, match="T-TYPE  layer 0 'y': SQUARED_DIFFERENCE on int8 .* quantize the float model"
    ):
        from_tflite(squared_difference(graph_of(Sub(), tensors, scale)), "net.tflite")
    graph = parted(int8("x", (4,), scale), 1, [2, 2])
    other = {**graph.tensors, "p1": Tensor("p1", (1, 2), "int8")}
    with pytest.raises(Unsupported, match="T-SCALE  layer 0 'p0': SPLIT changes scale"):
        from_tflite(as_split(Graph(other, graph.nodes, ("x",), ("y",)), 1, [2, 2], equal=True), "net.tflite")


STACKS = {
    "a stack by one matrix": ("[1,3,4,5]", "[1,1,5,2]"),
    "one matrix by a stack": ("[1,1,4,5]", "[1,3,5,2]"),
    "matrices of no stack": ("[4,5]", "[5,2]"),
    "a stack by a matrix of lower rank": ("[1,3,4,5]", "[5,2]"),
}


@pytest.mark.parametrize("which", STACKS)
def test_a_product_whose_stacks_spread_computes_what_onnx_does(which: str) -> None:
    """Both factors are cut out of one input, so that neither is a constant."""
    one, other = (tuple(map(int, text.strip("[]").split(","))) for text in STACKS[which])
    count, most = int(np.prod(one)), int(np.prod(one)) + int(np.prod(other))
    nodes = """
    [left] l = Slice (x, zero, middle, axis)
    [right] r = Slice (x, middle, end, axis)
    [a] a = Reshape (l, one)
    [b] b = Reshape (r, other)
    [product] p = MatMul (a, b)
    [relu] q = Relu (p)
    [flat] y = Reshape (q, flat)
    """
    numbers = {"zero": [0], "middle": [count], "end": [most], "axis": [1], "one": list(one), "other": list(other)}
    graph = check_float(model_of(f"float[1,{most}] x", nodes, {}, {**numbers, "flat": [1, -1]}), (most,))
    assert graph.count()["BatchMatMul"] == 1


def test_a_square_is_a_product_with_itself() -> None:
    nodes = "[square] a = Pow (x, two)\n[same] b = Pow (a, one)\n[mean] y = ReduceMean <axes=[2,3], keepdims=0> (b)"
    graph = check_float(model_of("float[1,3,4,4] x", nodes, {}, {"two": 2.0, "one": 1.0}), (3, 4, 4))
    assert graph.count() == {"Mul": 1, "Mean": 1}
    with pytest.raises(Unsupported, match=r"O-CONSTANT  node 'cube': Pow raises to another power .* say it by Mul"):
        from_onnx(model_of("float[1,3,4,4] x", "[cube] y = Pow (x, three)", {}, {"three": 3.0}))


def test_a_resize_that_enlarges_may_have_antialias_set() -> None:
    nodes = '[large] y = Resize <mode="linear", antialias=1> (x, , , sizes)'
    graph = check_float(model_of("float[1,3,4,4] x", nodes, {}, {"sizes": [1, 3, 8, 8]}, opset=18), (3, 4, 4))
    assert graph.count() == {"ResizeBilinear": 1}
    with pytest.raises(Unsupported, match="O-ATTRIBUTE  node 'large': Resize has antialias set"):
        from_onnx(model_of("float[1,3,4,4] x", nodes, {}, {"sizes": [1, 3, 2, 8]}, opset=18))
