"""Graphs as the exporters of several frameworks write them: each lowers to what the net asks for, nothing moved."""

import contextlib
import io
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from edgestill.pipeline.graph.execute import run_float
from edgestill.pipeline.graph.from_onnx import from_onnx
from edgestill.pipeline.graph.graph import Graph
from edgestill.tests.lowered import check_float, noise, onnx_runs
from edgestill.tests.onnx_text import model_of

torch.set_num_threads(1)
MOVING = {"Transpose", "Pad", "BatchMatMul"}


def net() -> nn.Module:
    """A convolution block, a depthwise one, a sum, and a classifier behind a flattened pool."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU6())
            self.second = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.BatchNorm2d(8), nn.Hardswish())
            self.last = nn.Linear(8 * 16, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.first(x)
            y = nn.functional.max_pool2d(y + self.second(y), 2)
            z: torch.Tensor = torch.softmax(self.last(y.view(x.shape[0], -1)), dim=-1)
            return z

    torch.manual_seed(0)
    made = Net()
    made(torch.randn(8, 3, 8, 8))
    return made.eval()


def exported(opset: int, dynamo: bool) -> bytes:
    written = io.BytesIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        sample = (torch.zeros(1, 3, 8, 8),)
        if dynamo:
            program = torch.onnx.export(net(), sample, dynamo=True, opset_version=opset)
            assert program is not None
            return bytes(program.model_proto.SerializeToString())
        torch.onnx.export(net(), sample, written, dynamo=False, opset_version=opset)  # type: ignore[arg-type]
    return written.getvalue()


@pytest.fixture(scope="module")
def plain() -> Graph:
    return from_onnx(exported(17, dynamo=False))


@pytest.mark.parametrize(
    ("opset", "dynamo"),
    [*((opset, False) for opset in range(13, 19)), *((opset, True) for opset in range(18, 23))],
)
def test_every_opset_of_both_of_torch_s_exporters_gives_one_graph(opset: int, dynamo: bool, plain: Graph) -> None:
    data = exported(opset, dynamo)
    graph = check_float(data, (3, 8, 8))
    assert graph.count() == plain.count()
    assert not MOVING & set(graph.count())


KERAS = """
[turned] a = Transpose <perm=[0,3,1,2]> (x)
[conv] b = Conv <kernel_shape=[3,3], strides=[2,2], auto_pad="SAME_UPPER"> (a, w)
[norm] c = BatchNormalization <epsilon=0.001> (b, s, o, m, v)
[relu] d = Relu (c)
[back] e = Transpose <perm=[0,2,3,1]> (d)
[again] f = Transpose <perm=[0,3,1,2]> (e)
[depthwise] g = Conv <kernel_shape=[3,3], pads=[1,1,1,1], group=4> (f, k)
[six] h = Clip (g, zero, most)
[last] i = Transpose <perm=[0,2,3,1]> (h)
[flat] j = Reshape (i, flatten)
[dense] l = MatMul (j, u)
[bias] n = Add (l, p)
[softmax] y = Softmax <axis=-1> (n)
"""


def test_a_net_as_tf2onnx_writes_it_loses_its_transpositions() -> None:
    noises = {"w": [4, 3, 3, 3], "s": [4], "o": [4], "m": [4], "v": [4], "k": [4, 1, 3, 3], "u": [64, 5], "p": [5]}
    data = model_of("float[N,8,8,3] x", KERAS, noises, {"flatten": [-1, 64], "zero": 0.0, "most": 6.0})
    x = noise(2, 8, 8, 3)
    graph = from_onnx(data)
    assert graph.count() == {"Conv2d": 1, "DepthwiseConv2d": 1, "Reshape": 1, "FullyConnected": 1, "Softmax": 1}
    np.testing.assert_allclose(run_float(graph, [x])[0], onnx_runs(data, x), atol=1e-5)


PADDLE = """
[constant] w1 = Identity (w)
[conv] a = Conv <dilations=[1,1], group=1, kernel_shape=[3,3], pads=[1,1,1,1], strides=[1,1]> (x, w1)
[epsilon] w2 = Identity (b)
[reshaped] w3 = Reshape (w2, channels)
[biased] c = Add (a, w3)
[norm] d = BatchNormalization <epsilon=0.00001, momentum=0.9> (c, s, o, m, v)
[relu] e = Relu (d)
[pool] f = GlobalAveragePool (e)
[shape] g = Shape (f)
[start] h = Constant <value_ints=[0]> ()
[end] i = Constant <value_ints=[1]> ()
[batch] j = Slice (g, h, i)
[rest] k = Constant <value_ints=[-1]> ()
[joined] l = Concat <axis=0> (j, k)
[flat] n = Reshape (f, l)
[dense] q = MatMul (n, u)
[sum] r = Add (q, p)
[scale] t = Mul (r, one)
[out] y = Identity (t)
"""


def test_a_net_as_paddlepaddle_writes_it_is_a_convolution_a_mean_and_a_dense_layer() -> None:
    noises = {"w": [4, 3, 3, 3], "b": [4], "s": [4], "o": [4], "m": [4], "v": [4], "u": [4, 5], "p": [5]}
    data = model_of("float[N,3,8,8] x", PADDLE, noises, {"channels": [1, 4, 1, 1], "one": 1.0})
    assert check_float(data, (3, 8, 8)).count() == {"Conv2d": 1, "Mean": 1, "FullyConnected": 1}


def test_keras_series_come_channels_last_and_stay_so() -> None:
    nodes = """
    [turned] a = Transpose <perm=[0,2,1]> (x)
    [row] b = Unsqueeze (a, two)
    [conv] c = Conv <kernel_shape=[1,5], pads=[0,2,0,2]> (b, w)
    [line] d = Squeeze (c, two)
    [back] e = Transpose <perm=[0,2,1]> (d)
    [relu] f = Relu (e)
    [mean] g = ReduceMean <axes=[1], keepdims=0> (f)
    [dense] y = MatMul (g, u)
    """
    data = model_of("float[N,16,3] x", nodes, {"w": [4, 3, 1, 5], "u": [4, 2]}, {"two": [2]})
    graph, x = from_onnx(data), noise(2, 16, 3)
    assert not MOVING & set(graph.count())
    np.testing.assert_allclose(run_float(graph, [x[:, None]])[0], onnx_runs(data, x), atol=1e-5)
