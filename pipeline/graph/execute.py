"""A graph computed in numpy, node by node: float as a model was trained, integer as TFLite Micro computes it."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from .graph import Graph, Node

Array = NDArray[Any]
Watch = Callable[[str, Array], None]


def run_float(
    graph: Graph, inputs: Sequence[Array], watch: Watch | None = None, dtype: type[np.floating[Any]] = np.float32
) -> list[Array]:
    """The outputs of a float graph for float inputs, or token ids int32, (n, ...), any batch n, computed in `dtype`.

    `watch` is called with every activation in order, the inputs first. A tensor is dropped after its last reader.
    """
    given = [_real(array, dtype) for array in inputs]
    return _run(graph, given, watch, lambda node, arrays: node.operator.compute([_real(x, dtype) for x in arrays]))


def as_graph_input(graph: Graph, samples: Array) -> Array:
    """Samples as the float graph takes them: float32, or token ids as int32."""
    return np.asarray(samples, np.int32 if graph.takes_ids() else np.float32)


def _real(array: Array, dtype: type[np.floating[Any]]) -> Array:
    """Reals of this type; integers stay what they are."""
    return array.astype(dtype, copy=False) if array.dtype.kind == "f" else array


def run_integer(graph: Graph, inputs: Sequence[Array], watch: Watch | None = None) -> list[Array]:
    """The outputs of an integer graph for int8 inputs (n, ...), any batch n, as TFLite Micro gives them bit for bit.

    A graph that quantizes a float input or dequantizes its output is one too. `watch` is as in `run_float`.
    """

    def compute(node: Node, arrays: list[Array]) -> Array:
        output = graph.tensors[node.outputs[0]]
        return node.operator.compute_integer(arrays, graph.of(node.inputs), output)

    return _run(graph, inputs, watch, compute)


def _run(
    graph: Graph, inputs: Sequence[Array], watch: Watch | None, compute: Callable[[Node, list[Array]], Array]
) -> list[Array]:
    _check(graph, inputs)
    values = {name: tensor.data for name, tensor in graph.tensors.items() if tensor.data is not None}
    watch = watch or (lambda name, array: None)
    for name, array in zip(graph.inputs, inputs, strict=True):
        values[name] = array
        watch(name, array)
    readers = Counter([*(name for node in graph.nodes for name in node.inputs), *graph.outputs])
    for node in graph.nodes:
        values[node.outputs[0]] = compute(node, [values[name] for name in node.inputs])
        watch(node.outputs[0], values[node.outputs[0]])
        readers.subtract(node.inputs)
        for name in {*node.inputs, *node.outputs}:
            if not readers[name]:
                del values[name]
    return [values[name] for name in graph.outputs]


def _check(graph: Graph, inputs: Sequence[Array]) -> None:
    if len(inputs) != len(graph.inputs):
        raise BadInput(f"{len(inputs)} inputs are given, the graph has {len(graph.inputs)}: {', '.join(graph.inputs)}")
    for tensor, array in zip(graph.of(graph.inputs), inputs, strict=True):
        types = ("float32", "float64") if tensor.dtype == "float32" else (tensor.dtype,)
        if array.dtype.name not in types or array.shape[1:] != tensor.shape[1:]:
            raise BadInput(
                f"input {tensor.name!r}: is {array.dtype} of shape {array.shape},"
                f" the graph wants {tensor.dtype} of shape (n, {', '.join(map(str, tensor.shape[1:]))})"
            )
