"""Takes the mean error that quantization adds to each channel out of the biases, layer by layer."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from math import ceil, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph.graph import Graph, Node
from ..graph.operators.activation import activated
from ..graph.tensor import Quantization
from .layers import Layer

Array = NDArray[Any]
MEMORY = 2**28  # bytes that the samples' largest activation may take


def corrected_biases(
    graph: Graph, layers: Mapping[str, Layer], scales: Mapping[str, Quantization], samples: Array
) -> dict[str, NDArray[np.float64]]:
    """Biases by the layer's output, such that every channel's mean before the activation is the float graph's.

    Float and rounded values run side by side over the samples (every n-th, where MEMORY does not hold all); each layer
    meets inputs that are rounded and already corrected. Computed in float64, so that processors that sum in another
    order round alike. After Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction",
    ICCV 2019, with the means taken from samples.
    """
    largest = samples.itemsize * max(prod(graph.tensors[name].shape) for name in scales)
    samples = samples[:: ceil(len(samples) * largest / MEMORY)]
    exact: dict[str, Array] = {graph.inputs[0]: samples}
    rounded = {name: _rounded(values, scales[name]) if name in scales else values for name, values in exact.items()}
    readers = Counter(name for node in graph.nodes for name in node.inputs)
    biases: dict[str, NDArray[np.float64]] = {}
    for node in graph.nodes:
        (name,) = node.outputs
        if name in layers:
            exact[name], rounded[name], biases[name] = _layer(node, layers[name], exact, rounded)
        else:
            exact[name], rounded[name] = (_computed(graph, node, values) for values in (exact, rounded))
        if name in scales:
            rounded[name] = _rounded(rounded[name], scales[name])
        readers.subtract(node.inputs)
        for gone in [read for read in {*node.inputs, name} if not readers[read]]:
            exact.pop(gone, None)
            rounded.pop(gone, None)
    return biases


def _layer(
    node: Node, layer: Layer, exact: Mapping[str, Array], rounded: Mapping[str, Array]
) -> tuple[Array, Array, NDArray[np.float64]]:
    """The layer's exact and corrected outputs, and its corrected bias."""
    linear, name = replace(layer.operator, activation="none"), node.inputs[0]
    wanted = linear.compute([exact[name], layer.weights, layer.bias])
    found = linear.compute([rounded[name], layer.quantized(layer.bias).real, layer.bias])
    error = (found - wanted).mean(axis=tuple(range(found.ndim - 1)))
    outputs = (activated(sums, layer.operator.activation) for sums in (wanted, found - error))
    return next(outputs), next(outputs), layer.bias - error


def _computed(graph: Graph, node: Node, values: Mapping[str, Array]) -> Array:
    constants = {
        tensor.name: tensor.data.astype(np.float64) for tensor in graph.of(node.inputs) if tensor.data is not None
    }
    return node.operator.compute([constants[name] if name in constants else values[name] for name in node.inputs])


def _rounded(reals: Array, scale: Quantization) -> Array:
    """The reals that int8 steps stand for."""
    step, zero = scale.per_tensor_scale, scale.zero_point
    rounded: Array = (np.clip(np.round(reals / step) + zero, -128, 127) - zero) * step
    return rounded
