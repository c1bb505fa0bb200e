"""From a float graph and what was seen of it to the integer graph: int8 in, int8 out, int8 all the way."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ..errors import BadData, BadModel, Unsupported
from ..graph.graph import Graph, Node, renumbered
from ..graph.tensor import Quantization, Tensor
from ..preprocess import Fed
from .bias_correction import corrected_biases
from .calibrate import Calibration
from .integer_form import integer_form
from .layers import layers_of
from .options import QuantizationOptions
from .scales import activation_scales
from .weights import Weights

__all__ = ["QuantizationOptions", "quantize"]

DEFAULT = QuantizationOptions()
TAKES_CONSTANTS = (
    "Add",
    "Concat",
    "Gather",
    "Maximum",
    "Minimum",
    "Mul",
    "PRelu",
    "Sub",
)  # quantized as activations are


def quantize(
    graph: Graph, calibration: Calibration, samples: NDArray[Any] | Fed, options: QuantizationOptions = DEFAULT
) -> Graph:
    """The integer graph of a float graph, by the rules of TFLite's 8-bit specification.

    Activations are int8 with one scale and zero point a tensor; weights int8 with one scale a channel and zero point 0;
    biases int32. `samples` (n, ...), as the graph's input is, correct the biases; they may be those of the calibration.
    The scales are float32, and their float32 values are what every later step computes with.
    """
    _refuse(graph)
    _check(samples, graph)
    graph = integer_form(graph)
    scales = activation_scales(graph, calibration, options)
    layers = layers_of(graph, scales)
    biases = {name: layer.bias for name, layer in layers.items()}
    if options.bias_correction:
        with threadpool_limits(1, "blas"):  # narrow matrix products take longer on several threads
            biases = corrected_biases(graph, layers, scales, samples)
    return _integer(graph, scales, {name: layer.quantized(biases[name]) for name, layer in layers.items()})


def _refuse(graph: Graph) -> None:
    if len(graph.inputs) != 1:
        raise BadModel(f"quantization: the graph has {len(graph.inputs)} inputs; 1 is carried")
    reasons = [f"O-QUANTIZATION  {tensor.name}: is {tensor.dtype} already" for tensor in _quantized(graph)]
    constants = {name for name, tensor in graph.tensors.items() if tensor.constant}
    for node in graph.nodes:
        operands = () if node.kind in TAKES_CONSTANTS else node.inputs[:1]
        if not constants.isdisjoint(operands):
            reasons.append(
                f"O-CONSTANT  {node.outputs[0]}: {node.kind} reads a constant as its input; fold it into a layer"
            )
    if reasons:
        raise Unsupported("quantization", reasons)


def _check(samples: NDArray[Any] | Fed, graph: Graph) -> None:
    wanted = graph.tensors[graph.inputs[0]].shape[1:]
    if samples.shape[1:] != wanted or not len(samples):
        raise BadData(f"quantization: samples have shape {samples.shape}, the model takes (n, {str(wanted)[1:-1]})")
    if graph.takes_ids():
        graph.check_ids(samples[:], "quantization")


def _quantized(graph: Graph) -> list[Tensor]:
    return [tensor for tensor in graph.tensors.values() if tensor.dtype not in ("float32", "int32")]


def _integer(graph: Graph, scales: Mapping[str, Quantization], weights: Mapping[str, Weights]) -> Graph:
    """The graph with integer tensors; every layer gets constants of its own, since bias scales follow its input."""
    tensors = {name: tensor for name, tensor in graph.tensors.items() if tensor.dtype == "int32"}
    tensors.update({name: _rounded(graph.tensors[name], scale) for name, scale in scales.items()})
    nodes = []
    for node in graph.nodes:
        if node.outputs[0] in weights:
            constants = _constants(graph, node, weights[node.outputs[0]])
            tensors.update({tensor.name: tensor for tensor in constants})
            node = replace(node, inputs=(node.inputs[0], *(tensor.name for tensor in constants)))
        nodes.append(node)
    return renumbered(replace(graph, tensors=tensors, nodes=tuple(nodes)))


def _rounded(tensor: Tensor, scale: Quantization) -> Tensor:
    """The tensor in integers; the values of a constant too."""
    data = None if tensor.data is None else scale.quantize(tensor.data)
    return replace(tensor, dtype="int8", quantization=scale, data=data)


def _constants(graph: Graph, node: Node, weights: Weights) -> tuple[Tensor, Tensor]:
    name, origins = node.outputs[0], [tensor.origin for tensor in graph.of(node.inputs[1:])]
    return (
        Tensor(f"{name} weights", weights.integers.shape, "int8", weights.scale, weights.integers, origins[0]),
        Tensor(f"{name} bias", weights.bias.shape, "int32", weights.bias_scale, weights.bias, (*origins, "")[1]),
    )
