"""How the operators that only move values are said in ONNX: each input as it lies, where that can be said at all."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import Unsupported
from .graph import Node
from .lowering.layout import standard_order
from .onnx_functions import operands
from .onnx_writer import TURNS, OnnxWriter, onnx_shape
from .operators import Concat, Gather, MirrorPad, Operator, Pad, Reshape, Slice, StridedSlice, Transpose
from .operators.operator import Shape

Say = Callable[[OnnxWriter, Node, Any], str]


def _reshape(out: OnnxWriter, node: Node, reshape: Reshape) -> str:
    """A plain Reshape where channels first gives the same, or dense layers alone read it; else between two turns."""
    (name,), (result,) = node.inputs, node.outputs
    before, after = out.tensor(name).shape, out.tensor(result).shape
    if len(before) == 4 and out.lies(name) == "last":
        out.lay(result, "last")
        return _to_shape(out, result, out.read(name, "last"), after)
    x = out.read(name)
    order = standard_order(onnx_shape(before))
    alike = np.array_equal(order, standard_order(onnx_shape(after)))
    if alike or (len(after) == 2 and out.only_dense_read(result)):
        if not alike:
            out.orders[result] = order
        return _to_shape(out, result, x, onnx_shape(after))
    if len(before) == 4:
        x = out.node(result, "Transpose", [x], perm=TURNS["last"])
    y = _to_shape(out, result, x, after)
    return out.node(result, "Transpose", [y], perm=TURNS["first"]) if len(after) == 4 else y


def _gather(out: OnnxWriter, node: Node, gather: Gather) -> str:
    table, ids = node.inputs
    out.lay(node.outputs[0], "last")
    return out.node(node.outputs[0], "Gather", [out.constant(table, (0, 1)), out.read(ids)])


def _mirror_pad(out: OnnxWriter, node: Node, pad: MirrorPad) -> str:
    if pad.mode != "reflect":
        reason = f"O-ATTRIBUTE  {node.outputs[0]}: MirrorPad {pad.mode} cannot be written; there is reflect"
        raise Unsupported("ONNX", [reason])
    return _pad(out, node, pad, mode="reflect")


def _pad(out: OnnxWriter, node: Node, pad: Pad | MirrorPad, **mode: str) -> str:
    (x,) = operands(out, node)
    pairs = out.ordered(node.inputs[0], pad.before_after)
    pads = out.numbers(f"{node.outputs[0]}_pads", np.array(pairs, np.int64).T.ravel())
    return out.node(node.outputs[0], "Pad", [x, pads], **mode)


def _transpose(out: OnnxWriter, node: Node, transpose: Transpose) -> str:
    out.lay(node.outputs[0], "last")
    return out.node(node.outputs[0], "Transpose", [out.read(node.inputs[0], "last")], perm=transpose.order)


def _concat(out: OnnxWriter, node: Node, concat: Concat) -> str:
    inputs = operands(out, node)
    return out.node(node.outputs[0], "Concat", inputs, axis=out.axis(node.outputs[0], concat.axis))


def _slice(out: OnnxWriter, node: Node, cut: Slice) -> str:
    ends = tuple(start + length for start, length in zip(cut.begin, cut.size, strict=True))
    return _cut(out, node, cut.begin, ends, (1,) * len(ends))


def _strided_slice(out: OnnxWriter, node: Node, cut: StridedSlice) -> str:
    return _cut(out, node, cut.begin, cut.end, cut.strides)


def _cut(out: OnnxWriter, node: Node, *spans: tuple[int, ...]) -> str:
    """Starts, ends and steps of all axes; none of a slice that keeps everything."""
    (x,), (result,) = operands(out, node), node.outputs
    starts, ends, steps = (
        out.numbers(f"{result}_{name}", np.array(out.ordered(node.inputs[0], values), np.int64))
        for name, values in zip(("starts", "ends", "steps"), spans, strict=True)
    )
    axes = out.numbers(f"axes{len(spans[0])}", np.arange(len(spans[0])))
    return out.node(result, "Slice", [x, starts, ends, axes, steps])


def _to_shape(out: OnnxWriter, tensor: str, x: str, shape: Shape) -> str:
    return out.node(tensor, "Reshape", [x, out.numbers(f"{tensor}_shape", np.array(shape, np.int64))])


MOVES: Mapping[type[Operator], Say] = {
    Concat: _concat,
    Gather: _gather,
    MirrorPad: _mirror_pad,
    Pad: _pad,
    Reshape: _reshape,
    Slice: _slice,
    StridedSlice: _strided_slice,
    Transpose: _transpose,
}
