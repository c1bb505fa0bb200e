"""How each operator of the graph is said in ONNX, channels first: one small function an operator."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import Unsupported
from .graph import Graph, Node
from .lowering.layout import standard_order
from .lowering.windows import Axis, Windows
from .onnx_functions import FUNCTIONS
from .onnx_writer import OnnxWriter, Sides
from .operators import (
    Activation,
    AveragePool2d,
    Conv2d,
    DepthwiseConv2d,
    FullyConnected,
    Gather,
    MaxPool2d,
    Mean,
    Operator,
    Pad,
    Padding,
    Quantize,
    Relu,
    Relu6,
    Reshape,
    Softmax,
)
from .operators.operator import Shape
from .operators.window import Pair, same_padding

Say = Callable[[OnnxWriter, Node, Any], str]
CHANNELS_FIRST, CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)


def onnx_shape(shape: Shape) -> Shape:
    """(n,h,w,c) -> (n,c,h,w); other ranks stay."""
    return tuple(shape[axis] for axis in CHANNELS_FIRST) if len(shape) == 4 else shape


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
        group=x[3] if depthwise else 1,
        kernel_shape=kernel,
        pads=_pads(sides),
        strides=conv.stride,
    )


def _dense(out: OnnxWriter, node: Node, dense: FullyConnected) -> str:
    """Behind a tensor that was flattened channels first, the columns stand in that order."""
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


def _relu(out: OnnxWriter, node: Node, relu: Relu) -> str:
    return activated(out, node, out.read(node.inputs[0]), "relu")


def _relu6(out: OnnxWriter, node: Node, relu6: Relu6) -> str:
    return activated(out, node, out.read(node.inputs[0]), "relu6")


def _max_pool(out: OnnxWriter, node: Node, pool: MaxPool2d) -> str:
    return _pool(out, node, "MaxPool", pool)


def _average_pool(out: OnnxWriter, node: Node, pool: AveragePool2d) -> str:
    return _pool(out, node, "AveragePool", pool)


def _mean(out: OnnxWriter, node: Node, mean: Mean) -> str:
    """The axes are an attribute up to opset 17."""
    rank = len(out.tensor(node.inputs[0]).shape)
    axes = sorted(CHANNELS_LAST[axis] if rank == 4 else axis for axis in mean.axes)
    return out.node(node.outputs[0], "ReduceMean", [out.read(node.inputs[0])], axes=axes, keepdims=int(mean.keep_dims))


def _reshape(out: OnnxWriter, node: Node, reshape: Reshape) -> str:
    """A plain Reshape where channels first gives the same, or dense layers alone read it; else between two turns."""
    x, (name,), (result,) = out.read(node.inputs[0]), node.inputs, node.outputs
    before, after = out.tensor(name).shape, out.tensor(result).shape
    order = standard_order(onnx_shape(before))
    alike = np.array_equal(order, standard_order(onnx_shape(after)))
    if alike or (len(after) == 2 and out.only_dense_read(result)):
        if not alike:
            out.orders[result] = order
        return _to_shape(out, result, x, onnx_shape(after))
    if len(before) == 4:
        x = out.node(result, "Transpose", [x], perm=CHANNELS_LAST)
    y = _to_shape(out, result, x, after)
    return out.node(result, "Transpose", [y], perm=CHANNELS_FIRST) if len(after) == 4 else y


def _gather(out: OnnxWriter, node: Node, gather: Gather) -> str:
    table, ids = node.inputs
    rows = out.node(node.outputs[0], "Gather", [out.constant(table, (0, 1)), out.read(ids)])
    return out.node(node.outputs[0], "Transpose", [rows], perm=CHANNELS_FIRST)


def _pad(out: OnnxWriter, node: Node, pad: Pad) -> str:
    pairs = np.array(pad.before_after, np.int64)
    pairs = pairs[list(CHANNELS_FIRST)] if len(pairs) == 4 else pairs
    pads = out.numbers(f"{node.outputs[0]}_pads", pairs.T.ravel())
    return out.node(node.outputs[0], "Pad", [out.read(node.inputs[0]), pads])


def _quantize(out: OnnxWriter, node: Node, quantize: Quantize) -> str:
    return out.read(node.inputs[0])


def _softmax(out: OnnxWriter, node: Node, softmax: Softmax) -> str:
    rank = len(out.tensor(node.inputs[0]).shape)
    if softmax.beta != 1.0:
        raise Unsupported(
            "ONNX", [f"O-ATTRIBUTE  {node.outputs[0]}: Softmax with beta {softmax.beta}; 1 can be written"]
        )
    return out.node(node.outputs[0], "Softmax", [out.read(node.inputs[0])], axis=1 if rank == 4 else -1)


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


def _to_shape(out: OnnxWriter, tensor: str, x: str, shape: Shape) -> str:
    return out.node(tensor, "Reshape", [x, out.numbers(f"{tensor}_shape", np.array(shape, np.int64))])


SAID: Mapping[type[Operator], Say] = {
    **FUNCTIONS,
    AveragePool2d: _average_pool,
    Conv2d: _conv,
    DepthwiseConv2d: _conv,
    FullyConnected: _dense,
    Gather: _gather,
    MaxPool2d: _max_pool,
    Mean: _mean,
    Pad: _pad,
    Quantize: _quantize,
    Relu: _relu,
    Relu6: _relu6,
    Reshape: _reshape,
    Softmax: _softmax,
}
