"""The layers of a float graph that have weights: what quantization must know of each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..graph.graph import Graph, Node
from ..graph.operators import Conv2d, DepthwiseConv2d, FullyConnected, TransposeConv2d
from ..graph.tensor import Quantization
from .weights import Weights, channel_axis, quantize_weights

Linear = Conv2d | DepthwiseConv2d | FullyConnected | TransposeConv2d


@dataclass(frozen=True, eq=False)
class Layer:
    """A linear operator, its float weights and bias (zeros where it has none), the scales of its input and output."""

    node: Node
    operator: Linear
    weights: NDArray[np.float32]
    bias: NDArray[np.float64]
    input_scale: Quantization
    output_scale: Quantization

    def quantized(self, bias: NDArray[np.float64]) -> Weights:
        """Its integers with this bias."""
        return quantize_weights(self.weights, channel_axis(self.node), bias, self.input_scale, self.output_scale)


def layers_of(graph: Graph, scales: dict[str, Quantization]) -> dict[str, Layer]:
    """The layers with weights by the name of their output, in the order in which they run."""
    return {
        node.outputs[0]: _layer(graph, node, node.operator, scales)
        for node in graph.nodes
        if isinstance(node.operator, Linear)
    }


def _layer(graph: Graph, node: Node, operator: Linear, scales: dict[str, Quantization]) -> Layer:
    weights = graph.tensors[node.inputs[1]].data
    assert weights is not None
    bias = graph.tensors[node.inputs[2]].data if len(node.inputs) > 2 else np.zeros(weights.shape[channel_axis(node)])
    assert bias is not None
    return Layer(node, operator, weights, bias.astype(np.float64), scales[node.inputs[0]], scales[node.outputs[0]])
