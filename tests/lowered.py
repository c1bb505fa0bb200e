"""A net of torch, or nodes of ONNX, as graphs and files that agree: what tests of lowering share."""

import contextlib
import io
import warnings
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from edgestill.pipeline.graph.execute import run_float
from edgestill.pipeline.graph.from_onnx import from_onnx
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import Graph, renumbered
from edgestill.pipeline.graph.passes.canonical import canonical
from edgestill.pipeline.graph.to_onnx import to_onnx
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.pipeline.quantization.calibrate import calibrate
from edgestill.pipeline.quantization.error_report import error_report
from edgestill.pipeline.quantization.quantize import quantize

Array = NDArray[Any]


def exported(net: nn.Module, shape: tuple[int, ...], dynamo: bool = False) -> bytes:
    written = io.BytesIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        sample = torch.zeros(1, *shape)
        if dynamo:
            program = torch.onnx.export(net.eval(), (sample,), dynamo=True, opset_version=18)
            assert program is not None
            return bytes(program.model_proto.SerializeToString())
        torch.onnx.export(net.eval(), (sample,), written, dynamo=False, opset_version=17)  # type: ignore[arg-type]
    return written.getvalue()


def noise(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(shape, np.float32) * 2


def channels_last(x: Array) -> Array:
    if x.ndim == 3:
        return np.ascontiguousarray(x.transpose(0, 2, 1)[:, None])
    return np.ascontiguousarray(np.moveaxis(x, 1, -1)) if x.ndim == 4 else x


def onnx_runs(data: bytes, x: Array) -> Array:
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    found: Array = np.concatenate([session.run(None, {name: one[None]})[0] for one in x])
    return found


def check_float(data: bytes, shape: tuple[int, ...]) -> Graph:
    """The graph gives what ONNX Runtime gives, also once it was written and read again."""
    graph, x = from_onnx(data), noise(3, *shape)
    wanted = channels_last(onnx_runs(data, x))
    for made in (graph, from_onnx(to_onnx(graph)), from_tflite(to_tflite(graph))):
        (found,) = run_float(made, [channels_last(x)])
        np.testing.assert_allclose(found, wanted, atol=1e-5 * max(1.0, float(np.abs(wanted).max())))
    return graph


def quantized(graph: Graph, shape: tuple[int, ...]) -> Graph:
    """The integer graph, which comes back from both of its files."""
    samples = channels_last(noise(32, *shape))
    integer = quantize(graph, calibrate(graph, [samples]), samples)
    assert integer.is_integer()
    assert error_report(graph, integer, samples)[-1].sqnr_db > 25
    assert from_tflite(to_tflite(integer)) == integer
    assert from_onnx(to_onnx(integer)) == renumbered(canonical(integer))
    return integer


def model(nodes: list[onnx.NodeProto], shape: tuple[int, ...], **constants: Any) -> bytes:
    """A file with input `x` and output `y` of these nodes; numbers are float32 unless they are an array."""
    port = helper.make_tensor_value_info
    arrays = {name: np.asarray(v, getattr(v, "dtype", np.float32)) for name, v in constants.items()}
    values = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    ports = [port("x", TensorProto.FLOAT, shape)], [port("y", TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, "test", *ports, values)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(made.SerializeToString())
