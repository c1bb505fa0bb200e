"""Folds what depends on constants alone, and refuses what would come out far larger than what went in."""

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from math import inf, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx.helper import tensor_dtype_to_np_dtype

from ..limits import LARGEST
from .builder import Builder, Constant, Refused
from .reader import OnnxNode

Arrays = Sequence[NDArray[Any]]
ITEM = 8  # bytes of the largest number


def fold(build: Builder, node: OnnxNode) -> Constant:
    """The result of a node on plain constants; `Refused` before anything of more than LARGEST bytes is made.

    Only an input may be larger: its result may then have as many bytes as it has.
    """
    inputs = {name: build.constant(name).data for name in node.inputs if name}
    arrays = [inputs[name] for name in node.inputs if name]  # one name may stand there twice
    if node.operator not in BYTES:
        raise Refused("O-CONSTANT", "works on constants alone; fold it before export")
    size = BYTES[node.operator](node, arrays)
    if size > max([LARGEST, *(array.nbytes for array in arrays)]):
        raise Refused("O-SHAPE", f"makes a constant of {size:.3g} bytes; at most {LARGEST} are carried")
    build.spend(int(size))
    return Constant(_evaluated(node, inputs))


def _evaluated(node: OnnxNode, inputs: dict[str, NDArray[Any]]) -> NDArray[Any]:
    from onnx.reference import ReferenceEvaluator

    try:
        (result,) = ReferenceEvaluator(node.proto).run(None, inputs)
        return np.asarray(result)
    except Exception as error:  # the evaluator raises whatever numpy does
        raise Refused("O-CONSTANT", f"cannot be computed: {error}") from None


def _broadcast(node: OnnxNode, inputs: Arrays) -> float:
    return _common(*(array.shape for array in inputs)) * ITEM


def _expanded(node: OnnxNode, inputs: Arrays) -> float:
    return _common(inputs[0].shape, [abs(int(length)) for length in inputs[1].ravel()]) * ITEM


def _common(*shapes: Sequence[int]) -> int:
    """Elements of the shape that all of these are broadcast to."""
    return prod(max(lengths) for lengths in zip_longest(*(reversed(shape) for shape in shapes), fillvalue=1))


def _filled(node: OnnxNode, inputs: Arrays) -> float:
    return prod(abs(int(length)) for length in inputs[0].ravel()) * ITEM


def _counted(node: OnnxNode, inputs: Arrays) -> float:
    start, limit, step = (float(array.ravel()[0]) for array in inputs)
    return abs((limit - start) / step) * ITEM if step else inf


def _gathered(node: OnnxNode, inputs: Arrays) -> float:
    data, indices = inputs
    return float(indices.size * data.nbytes / max(data.shape[node.attributes.get("axis", 0)], 1))


def _cast(node: OnnxNode, inputs: Arrays) -> float:
    return float(inputs[0].size * tensor_dtype_to_np_dtype(node.attributes["to"]).itemsize)


def _written(node: OnnxNode, inputs: Arrays) -> float:
    """A Constant is as large as it stands in the file, unless only its values other than zero stand there."""
    return inf if "sparse_value" in node.attributes else 0


def _joined(node: OnnxNode, inputs: Arrays) -> float:
    return sum(array.nbytes for array in inputs)


def _kept(node: OnnxNode, inputs: Arrays) -> float:
    return inputs[0].nbytes


BYTES: Mapping[str, Callable[[OnnxNode, Arrays], float]] = {
    **dict.fromkeys(["Add", "Div", "Equal", "Mod", "Mul", "Sub", "Where"], _broadcast),
    **dict.fromkeys(["Clip", "Flatten", "Identity", "Relu", "Reshape", "Shape"], _kept),
    **dict.fromkeys(["Slice", "Sqrt", "Squeeze", "Transpose", "Unsqueeze"], _kept),
    "Cast": _cast,
    "Concat": _joined,
    "Constant": _written,
    "ConstantOfShape": _filled,
    "Expand": _expanded,
    "Gather": _gathered,
    "Range": _counted,
}
