"""One operator as a graph, drawn and run: what the tests of every family of operators share."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import onnxruntime
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import assume, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tflite_micro.python.tflite_micro import runtime as tflite_micro

from edgestill.pipeline.graph.execute import run_float, run_integer
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import Graph, Node
from edgestill.pipeline.graph.operators import Activation, Operator, Padding
from edgestill.pipeline.graph.tensor import Quantization, Tensor, per_tensor
from edgestill.pipeline.graph.to_onnx import to_onnx
from edgestill.pipeline.graph.to_tflite import to_tflite

EXAMPLES = int(os.environ.get("EDGESTILL_EXAMPLES", "40"))  # per operator
SAMPLES = 3
LIES_AS_IN_THE_GRAPH = ("BatchMatMul", "FullyConnected", "Gather", "Transpose")  # in an ONNX file
Draw = Callable[[st.SearchStrategy[Any]], Any]
Arrays = list[NDArray[Any]]

thoroughly = settings(max_examples=EXAMPLES, deadline=None)
lengths = st.integers(1, 9)
channels = st.integers(1, 6)
activations = st.sampled_from(get_args(Activation))
paddings = st.sampled_from(get_args(Padding))
zero_points = st.one_of(st.sampled_from([-128, -127, 0, 126, 127]), st.integers(-128, 127))
scales = st.floats(2**-9, 0.5, width=32)
seeds = st.integers(0, 2**32 - 1)


def pairs_of(least: int, most: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(least, most), st.integers(least, most))


def quantized(draw: Draw, scale: float | None = None) -> Quantization:
    return per_tensor(draw(scales) if scale is None else scale, draw(zero_points))


def int8(name: str, shape: tuple[int, ...], quantization: Quantization) -> Tensor:
    return Tensor(name, (1, *shape), "int8", quantization)


def graph_of(operator: Operator, inputs: Sequence[Tensor], output: Quantization | None) -> Graph:
    """One operator on these tensors; the ones without data are the graph's inputs."""
    shape = operator.shape([tensor.shape for tensor in inputs])
    tensors = [*inputs, Tensor("y", shape, "float32" if output is None else "int8", output)]
    names = tuple(tensor.name for tensor in inputs)
    fed = tuple(tensor.name for tensor in inputs if not tensor.constant)
    return Graph({tensor.name: tensor for tensor in tensors}, (Node(operator, names, ("y",)),), fed, ("y",))


def samples(graph: Graph, seed: int) -> Arrays:
    rng = np.random.default_rng(seed)

    def drawn(tensor: Tensor) -> NDArray[Any]:
        shape = (SAMPLES, *tensor.shape[1:])
        if tensor.dtype == "int32":
            return rng.integers(0, graph.vocabulary() or 100, shape).astype(np.int32)
        if tensor.dtype == "int8":
            return rng.integers(-128, 128, shape).astype(np.int8)
        return (rng.standard_normal(shape) * 4).astype(np.float32)

    return [drawn(tensor) for tensor in graph.of(graph.inputs)]


def in_tflite_micro(data: bytes, inputs: Arrays) -> NDArray[Any]:
    interpreter = tflite_micro.Interpreter.from_bytes(data, arena_size=1 << 20)
    outputs = []
    for sample in range(SAMPLES):
        for index, array in enumerate(inputs):
            interpreter.set_input(array[sample : sample + 1], index)
        interpreter.invoke()
        outputs.append(np.array(interpreter.get_output(0)))
    return np.concatenate(outputs)


def in_litert(data: bytes, inputs: Arrays) -> NDArray[Any]:
    reference = OpResolverType.BUILTIN_REF
    interpreter = Interpreter(model_content=data, num_threads=1, experimental_op_resolver_type=reference)
    interpreter.allocate_tensors()
    outputs = []
    for sample in range(SAMPLES):
        for port, array in zip(interpreter.get_input_details(), inputs, strict=True):
            interpreter.set_tensor(port["index"], array[sample : sample + 1])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    return np.concatenate(outputs)


def litert_takes(graph: Graph) -> bool:
    """LiteRT demands the bias of a CONV_2D that TFLite Micro lets one leave out."""
    return graph.nodes[0].kind != "Conv2d" or len(graph.nodes[0].inputs) == 3


def as_float(graph: Graph, seed: int) -> Graph:
    """The same operator on float tensors."""
    rng = np.random.default_rng(seed)

    def real(tensor: Tensor) -> Tensor:
        if tensor.dtype == "int32" and tensor.quantization is None:  # token ids
            return tensor
        data = None if tensor.data is None else rng.standard_normal(tensor.shape).astype(np.float32)
        return Tensor(tensor.name, tensor.shape, data=data)

    tensors = [real(tensor) for tensor in graph.tensors.values()]
    return replace(graph, tensors={tensor.name: tensor for tensor in tensors})


def check_in_tflite_micro(graph: Graph, seed: int) -> None:
    """The integer statement gives what TFLite Micro gives, bit for bit."""
    inputs = samples(graph, seed)
    (ours,) = run_integer(graph, inputs)
    theirs = in_tflite_micro(to_tflite(graph), inputs)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


def check_in_litert(graph: Graph, seed: int, steps: int) -> None:
    """The integer statement gives what LiteRT's reference kernels give, but for so many steps."""
    assume(litert_takes(graph))
    inputs = samples(graph, seed)
    (ours,) = run_integer(graph, inputs)
    theirs = in_litert(to_tflite(graph), inputs)
    np.testing.assert_allclose(ours.astype(np.float64), theirs.astype(np.float64), atol=steps, rtol=0)


def in_onnx_runtime(data: bytes, inputs: Arrays) -> NDArray[Any]:
    """What a QDQ file gives for float inputs, channels last, nothing optimised."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_inputs()]
    turned = [np.moveaxis(array, -1, 1) if array.ndim == 4 else array for array in inputs]
    rows = [
        session.run(None, {name: array[i : i + 1] for name, array in zip(names, turned, strict=True)})[0]
        for i in range(SAMPLES)
    ]
    return np.concatenate(rows)


def check_in_onnx(graph: Graph, seed: int, steps: int = 1) -> None:
    """ONNX Runtime gives what the integer statement gives, but for so many steps."""
    inputs = samples(graph, seed)
    (ours,) = run_integer(graph, inputs)
    reals = [reals_of(graph, name, array) for name, array in zip(graph.inputs, inputs, strict=True)]
    output = graph.tensors[graph.outputs[0]].quantization
    assert output is not None
    found = in_onnx_runtime(to_onnx(graph), reals)
    turned = found.ndim == 4 and graph.nodes[-1].kind not in LIES_AS_IN_THE_GRAPH
    theirs = output.quantize(np.moveaxis(found, 1, -1) if turned else found)
    np.testing.assert_allclose(ours.astype(np.float64), theirs.astype(np.float64), atol=steps, rtol=0)


def reals_of(graph: Graph, name: str, integers: NDArray[Any]) -> NDArray[Any]:
    """The reals behind integers; token ids as they are."""
    scale = graph.tensors[name].quantization
    return integers if scale is None else scale.dequantize(integers)


def check_float(graph: Graph, seed: int) -> None:
    """The float statement of an operator gives what LiteRT gives, and the float file reads back equal."""
    graph = as_float(graph, seed)
    assume(litert_takes(graph))
    inputs = samples(graph, seed)
    (ours,) = run_float(graph, inputs)
    written = to_tflite(graph)
    theirs = in_litert(written, inputs)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * max(1.0, float(np.abs(theirs).max())))
    assert from_tflite(written) == graph
