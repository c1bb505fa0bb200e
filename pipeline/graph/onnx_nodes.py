"""How each operator of the graph is said in ONNX, channels first: one small function an operator."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .graph import Graph, Node
from .lowering.layout import standard_order
from .lowering.windows import Axis, Windows
from .onnx_functions import FUNCTIONS, operands
from .onnx_images import IMAGES
from .onnx_moves import MOVES
from .onnx_writer import OnnxWriter, Sides, onnx_shape
from .operators import (
    Activation,
    AveragePool2d,
    BatchMatMul,
    Conv2d,
    DepthwiseConv2d,
    FullyConnected,
    MaxPool2d,
    Mean,
    Operator,
    Pad,
    Padding,
    Quantize,
    Relu,
    Relu6,
    Softmax,
)
from .operators.operator import Shape
from .operators.window import Pair, same_padding

Say = Callable[[OnnxWriter, Node, Any], str]
CHANNELS_FIRST = (0, 3, 1, 2)


def say(out: OnnxWriter, node: Node) -> None:
    """Writes a node, its activation, and in an integer graph the rounding of what it gives."""
    sides = _padding_of_its_reader(out.graph, node)
    if sides is not None:
        out.leave_to_reader(node.outputs[0], node.inputs[0], sides)
        return
    y = SAID[type(node.operator)](out, node, node.operator)
    out.finish(node.outputs[0], activated(out, node, y, getattr(node.operator, "activation", "none")))


def activated(out: OnnxWriter, node: Node, y: str, activation: Activation) -> str:
    if activation == "relu":
        return out.node(node.outputs[0], "Relu", [y])
    if activation == "relu6":
        bounds = [out.numbers("zero", np.array(0, np.float32)), out.numbers("six", np.array(6, np.float32))]
        return out.node(node.outputs[0], "Clip", [y, *bounds])
    return y


def _conv(out: OnnxWriter, node: Node, conv: Conv2d | DepthwiseConv2d) -> str:
    depthwise = isinstance(conv, DepthwiseConv2d)
    x, kernel = out.tensor(node.inputs[0]).shape, out.tensor(node.inputs[1]).shape[1:3]
    weights = out.constant(node.inputs[1], (3, 0, 1, 2) if depthwise else CHANNELS_FIRST)
    sides = out.pads.get(node.inputs[0]) or _sides(x, kernel, conv.stride, conv.dilation, conv.padding)
    return out.node(
        node.outputs[0],
        "Conv",
        [out.read(node.inputs[0]), weights, *_bias(out, node)],
        dilations=conv.dilation,
        group=x[3] // (1 if depthwise else out.tensor(node.inputs[1]).shape[3]),
        kernel_shape=kernel,
        pads=_pads(sides),
        strides=conv.stride,
    )


def _dense(out: OnnxWriter, node: Node, dense: FullyConnected) -> str:
    """Behind a tensor that was flattened channels first, the columns stand in that order."""
    if dense.keep_dims and len(out.tensor(node.inputs[0]).shape) > 2:
        return _dense_of_rows(out, node)
    x, name = out.read(node.inputs[0]), node.inputs[0]
    order = out.orders.get(name)
    shape = out.tensor(name).shape
    if len(shape) > 2:
        order = standard_order(onnx_shape(shape))
        x = out.node(node.outputs[0], "Flatten", [x], axis=1)
    columns = None if order is None else np.argsort(order)
    return out.node(
        node.outputs[0], "Gemm", [x, out.constant(node.inputs[1], (0, 1), columns), *_bias(out, node)], transB=1
    )


def _dense_of_rows(out: OnnxWriter, node: Node) -> str:
    """A dense layer over the last axis: a product, and a sum where there is a bias."""
    y = out.node(node.outputs[0], "MatMul", [out.read(node.inputs[0], "last"), out.constant(node.inputs[1], (1, 0))])
    out.lay(node.outputs[0], "last")
    return out.node(node.outputs[0], "Add", [y, *_bias(out, node)]) if len(node.inputs) > 2 else y


def _batch_mat_mul(out: OnnxWriter, node: Node, product: BatchMatMul) -> str:
    a, b = (out.read(name, "last") for name in node.inputs)
    rank = len(out.tensor(node.inputs[1]).shape)
    if product.transposed:
        b = out.node(node.outputs[0], "Transpose", [b], perm=(*range(rank - 2), rank - 1, rank - 2))
    out.lay(node.outputs[0], "last")
    return out.node(node.outputs[0], "MatMul", [a, b])


def _relu(out: OnnxWriter, node: Node, relu: Relu) -> str:
    return activated(out, node, operands(out, node)[0], "relu")


def _relu6(out: OnnxWriter, node: Node, relu6: Relu6) -> str:
    return activated(out, node, operands(out, node)[0], "relu6")


def _max_pool(out: OnnxWriter, node: Node, pool: MaxPool2d) -> str:
    return _pool(out, node, "MaxPool", pool)


def _average_pool(out: OnnxWriter, node: Node, pool: AveragePool2d) -> str:
    return _pool(out, node, "AveragePool", pool)


def _mean(out: OnnxWriter, node: Node, mean: Mean) -> str:
    """The axes are an attribute up to opset 17."""
    (x,) = operands(out, node)
    axes = sorted(out.axis(node.inputs[0], axis) for axis in mean.axes)
    return out.node(node.outputs[0], "ReduceMean", [x], axes=axes, keepdims=int(mean.keep_dims))


def _quantize(out: OnnxWriter, node: Node, quantize: Quantize) -> str:
    return operands(out, node)[0]


def _softmax(out: OnnxWriter, node: Node, softmax: Softmax) -> str:
    """Beta is a product with a number before it."""
    (x,), (name,), (result,) = operands(out, node), node.inputs, node.outputs
    if softmax.beta != 1.0:
        x = out.node(result, "Mul", [x, out.numbers(f"{result}_beta", np.array(softmax.beta, np.float32))])
    last = out.axis(name, len(out.tensor(name).shape) - 1)
    return out.node(result, "Softmax", [x], axis=last)


def _bias(out: OnnxWriter, node: Node) -> list[str]:
    return [out.constant(name, (0,)) for name in node.inputs[2:]]


def _pool(out: OnnxWriter, node: Node, operator: str, pool: MaxPool2d | AveragePool2d) -> str:
    pads = _pads(_sides(out.tensor(node.inputs[0]).shape, pool.kernel, pool.stride, (1, 1), pool.padding))
    return out.node(
        node.outputs[0], operator, [out.read(node.inputs[0])], kernel_shape=pool.kernel, pads=pads, strides=pool.stride
    )


def _sides(x: Shape, kernel: Shape, stride: Pair, dilation: Pair, padding: Padding) -> Sides:
    if padding == "VALID":
        return (0, 0), (0, 0)
    height, width = (same_padding(x[1 + k], kernel[k], stride[k], dilation[k]) for k in (0, 1))
    return height, width


def _pads(sides: Sides) -> list[int]:
    """ONNX's pads: what stands before each axis, then what stands behind."""
    return [before for before, _ in sides] + [after for _, after in sides]


def _padding_of_its_reader(graph: Graph, node: Node) -> Sides | None:
    """The padding of a Pad that a convolution's own pads can say, such that `from_onnx` reads Pad and VALID again."""
    readers = graph.consumers(node.outputs[0])
    if not isinstance(node.operator, Pad) or len(readers) != 1 or node.outputs[0] in graph.outputs:
        return None
    conv, pairs = readers[0].operator, node.operator.before_after
    if not isinstance(conv, Conv2d | DepthwiseConv2d) or conv.padding != "VALID" or any(pairs[0] + pairs[3]):
        return None
    x, kernel = graph.tensors[node.inputs[0]].shape, graph.tensors[readers[0].inputs[1]].shape[1:3]
    height, width = (Axis(x[1 + k], kernel[k], conv.stride[k], conv.dilation[k], *pairs[1 + k]) for k in (0, 1))
    spaces = Windows(height, width)
    return spaces.pads if spaces.padding is None and spaces.pads == pairs[1:3] else None


SAID: Mapping[type[Operator], Say] = {
    **FUNCTIONS,
    **IMAGES,
    **MOVES,
    AveragePool2d: _average_pool,
    BatchMatMul: _batch_mat_mul,
    Conv2d: _conv,
    DepthwiseConv2d: _conv,
    FullyConnected: _dense,
    MaxPool2d: _max_pool,
    Mean: _mean,
    Quantize: _quantize,
    Relu: _relu,
    Relu6: _relu6,
    Softmax: _softmax,
}
