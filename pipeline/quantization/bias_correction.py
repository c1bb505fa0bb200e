"""Takes the mean error that quantization adds to each channel out of the biases, layer by layer."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import ceil, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph.execute import as_graph_input
from ..graph.graph import Graph, Node
from ..graph.tensor import Quantization
from ..preprocess import Fed
from .layers import Layer

Array = NDArray[Any]
MEMORY = 3 * 2**26  # bytes that the samples of the largest activation may take
ENOUGH = 64  # samples: their means err by an eighth of the error's deviation, which adds 1/64 to its power
CACHED = 2**17  # values of a layer's input or output that are computed at a time
MOVES = ("MaxPool2d", "Pad", "Reshape", "Transpose")  # what they give is rounded already, in the same scale


def corrected_biases(
    graph: Graph, layers: Mapping[str, Layer], scales: Mapping[str, Quantization], samples: Array | Fed
) -> dict[str, NDArray[np.float64]]:
    """Biases by the layer's output, such that every channel's mean before the activation is the float graph's.

    Float and rounded values run side by side over the samples (every n-th, where there are too many); each layer
    meets inputs that are rounded and already corrected. Computed in float64, so that processors that sum in another
    order round alike. After Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction",
    ICCV 2019, with the means taken from samples.
    """
    largest = 8 * max(prod(graph.tensors[name].shape) for name in scales)
    every = ceil(max(len(samples) * largest / MEMORY, len(samples) / ENOUGH))
    exact: dict[str, Array] = {graph.inputs[0]: _wide(as_graph_input(graph, samples[::every]))}
    rounded = {name: _rounded(values, scales[name]) if name in scales else values for name, values in exact.items()}
    readers = Counter(name for node in graph.nodes for name in node.inputs)
    biases: dict[str, NDArray[np.float64]] = {}
    for node in graph.nodes:
        (name,) = node.outputs
        if name in layers:
            exact[name], rounded[name], biases[name] = _layer(node, layers[name], exact, rounded, scales[name])
        else:
            exact[name], rounded[name] = (_computed(graph, node, values) for values in (exact, rounded))
            if name in scales and node.kind not in MOVES:
                rounded[name] = _rounded(rounded[name], scales[name])
        readers.subtract(node.inputs)
        for gone in [read for read in {*node.inputs, name} if not readers[read]]:
            exact.pop(gone, None)
            rounded.pop(gone, None)
    return biases


def _layer(
    node: Node, layer: Layer, exact: Mapping[str, Array], rounded: Mapping[str, Array], scale: Quantization
) -> tuple[Array, Array, NDArray[np.float64]]:
    """The layer's exact output, its corrected and rounded one, and its corrected bias."""
    name = node.inputs[0]
    wanted = _sums(layer, exact[name], layer.weights.astype(np.float64))
    found = _sums(layer, rounded[name], layer.quantized(layer.bias).real.astype(np.float64))
    axes = tuple(range(found.ndim - 1))
    bias = layer.bias + wanted.mean(axis=axes) - found.mean(axis=axes)
    for part in _parts(wanted):
        _finish(layer, part, layer.bias)
    for part in _parts(found):
        _finish(layer, part, bias)
        _round(part, scale)
    return wanted, found, bias


def _sums(layer: Layer, x: Array, weights: Array) -> Array:
    """The layer's sums without bias and activation."""
    linear = replace(layer.operator, activation="none")
    return np.concatenate([linear.compute([part, weights]) for part in _parts(x)])


def _parts(x: Array) -> Iterator[Array]:
    """A few samples at a time, as fast as they stay in the cache."""
    step = max(1, CACHED // x[0].size)
    return (x[start : start + step] for start in range(0, len(x), step))


def _finish(layer: Layer, sums: Array, bias: Array) -> None:
    """Adds the bias and applies the activation, in place."""
    sums += bias
    if layer.operator.activation != "none":
        np.clip(sums, 0, 6 if layer.operator.activation == "relu6" else None, out=sums)


def _computed(graph: Graph, node: Node, values: Mapping[str, Array]) -> Array:
    constants = {
        tensor.name: tensor.data.astype(np.float64) for tensor in graph.of(node.inputs) if tensor.data is not None
    }
    return node.operator.compute([constants[name] if name in constants else values[name] for name in node.inputs])


def _wide(samples: NDArray[Any]) -> NDArray[Any]:
    """Reals as float64; token ids as they are."""
    return samples if samples.dtype == np.int32 else samples.astype(np.float64)


def _rounded(reals: Array, scale: Quantization) -> Array:
    """The reals that int8 steps stand for."""
    rounded = reals.copy()
    _round(rounded, scale)
    return rounded


def _round(reals: Array, scale: Quantization) -> None:
    """Puts the reals that int8 steps stand for in their place."""
    step, zero = scale.per_tensor_scale, scale.zero_point
    reals /= step
    np.round(reals, out=reals)
    np.clip(reals, -128 - zero, 127 - zero, out=reals)
    reals *= step
