"""Where quantization loses accuracy: each layer's signal to quantization noise, in dB."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..graph.execute import as_graph_input, run_float, run_integer
from ..graph.graph import Graph
from ..graph.passes.float_ends import without_float_ends
from .integer_form import integer_form


@dataclass(frozen=True)
class LayerError:
    """A layer's output in the integer graph against the float graph's; infinite where they are equal."""

    name: str
    kind: str
    sqnr_db: float


def error_report(float_graph: Graph, integer_graph: Graph, samples: NDArray[Any]) -> tuple[LayerError, ...]:
    """One row a layer, in order; errors add up from layer to layer. Samples are (n, ...) as the graph's input is."""
    float_graph, integer_graph = integer_form(float_graph), without_float_ends(integer_graph)
    if [node.kind for node in float_graph.nodes] != [node.kind for node in integer_graph.nodes]:
        raise BadInput("error report: the two graphs do not have the same layers in the same order")
    names = [*float_graph.inputs, *(node.outputs[0] for node in float_graph.nodes)]
    exact: dict[str, NDArray[Any]] = {}
    signal, noise = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    twins = dict(zip([*integer_graph.inputs, *(n.outputs[0] for n in integer_graph.nodes)], names, strict=True))

    def compare(name: str, integers: NDArray[Any]) -> None:
        scale = integer_graph.tensors[name].quantization
        reals = exact.pop(twins[name]).astype(np.float64)
        if scale is None:  # token ids
            return
        signal[twins[name]] += float((reals**2).sum())
        noise[twins[name]] += float(((scale.dequantize(integers) - reals) ** 2).sum())

    scale = integer_graph.tensors[integer_graph.inputs[0]].quantization
    for start in range(0, len(samples), 16):
        batch = as_graph_input(float_graph, samples[start : start + 16])
        run_float(float_graph, [batch], exact.__setitem__)
        run_integer(integer_graph, [batch if scale is None else scale.quantize(batch)], compare)
    rows = [(float_graph.inputs[0], "Input"), *((node.outputs[0], node.kind) for node in float_graph.nodes)]
    return tuple(LayerError(name, kind, decibels(signal[name], noise[name])) for name, kind in rows)


def sqnr(found: NDArray[Any], wanted: NDArray[Any]) -> float:
    """Signal to quantization noise in dB: `10 log10(sum wanted^2 / sum (found - wanted)^2)`."""
    exact = wanted.astype(np.float64)
    return decibels(float((exact**2).sum()), float(((found.astype(np.float64) - exact) ** 2).sum()))


def decibels(signal: float, noise: float) -> float:
    """A power ratio in dB; infinite without noise, minus infinite for noise alone."""
    if noise == 0:
        return float("inf")
    return float(10 * np.log10(signal / noise)) if signal else float("-inf")
