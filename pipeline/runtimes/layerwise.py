"""Two integer files layer by layer: every layer of both is fed the same integers, and what they give is compared."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph.graph import Graph, Node
from ..graph.operators import ResizeBilinear
from ..graph.operators.requantization import channel_multiplier
from ..graph.passes.canonical import canonical
from ..graph.read import read_graph
from ..graph.to_tflite import to_tflite
from ..scratch import scratch_folder
from .interface import describe
from .runtime import run

MOST_LSB = 1  # steps that a layer may be off
MOST_SHARE = 0.01  # of a layer's values that may be off
FEW = 3  # values that are off in a small layer are no share
WEIGHTED = ("Conv2d", "DepthwiseConv2d", "FullyConnected", "TransposeConv2d")
TWICE = "rounded twice by TFLite, once by ONNX Runtime"
# These scale small sums, whose halves are frequent, and TFLite rounds them in its own ways: an average pool away from
# zero, the others first to an integer and then again by a shift. ONNX rounds once, to even. All stay within one step.
ROUNDED_OTHERWISE: Mapping[str, str] = {
    **dict.fromkeys(["BatchMatMul", "LeakyRelu", "Mean", "Mul", "PRelu", "Quantize", "Relu"], TWICE),
    "AveragePool2d": "halves are rounded away from zero by TFLite, to even by ONNX Runtime",
    "Rsqrt": "found by Newton's method in fixed point by TFLite, in float by ONNX Runtime",
    "ResizeBilinear": "its places are rounded to 1/1024 of a pixel by TFLite",
    "HardSwish": "computed in 16-bit fixed point by TFLite, in float by ONNX Runtime",
}


@dataclass(frozen=True)
class LayerParity:
    """One layer of both files on the same integers: how many of its values differ, and by how many steps at most.

    `first_value` and `second_value` are the first pair that differs, None where none does. `most_share` is the share
    of its values, 0 to 1, that may be off: 1 %, or twice what rounding twice must come to at its scales. `most_lsb` is
    one step; for an interpolation, what its kernel's rounded places may come to besides.
    """

    name: str
    kind: str
    values: int
    mismatches: int
    max_lsb: int
    first_value: int | None = None
    second_value: int | None = None
    most_share: float = MOST_SHARE
    most_lsb: int = MOST_LSB

    @property
    def share(self) -> float:
        """Of its values, those that differ; 0 to 1."""
        return self.mismatches / self.values if self.values else 0.0

    @property
    def exempt(self) -> bool:
        """Whether its kind is known to round otherwise, so that any share of its values may be off by a step."""
        return self.kind in ROUNDED_OTHERWISE

    @property
    def passed(self) -> bool:
        """Within its steps, and less than its share off, or a few values of a small layer, unless it is exempt."""
        few = self.share < self.most_share or self.mismatches <= FEW or self.exempt
        return self.max_lsb <= self.most_lsb and few

    def __str__(self) -> str:
        off = f"{self.mismatches} of {self.values} values off by up to {self.max_lsb}"
        return f"layer {self.name} ({self.kind}): {off}, the first {self.first_value} and {self.second_value}"


def layers(graph: Graph, first: Path, second: Path, inputs: NDArray[np.int8]) -> tuple[LayerParity, ...]:
    """A row for every layer that both files round. `graph` is what both files hold.

    The integers come from LiteRT's reference kernels, every tensor preserved, run on whichever file is TFLite (or on
    the graph written as one). A TFLite file's values are those of the reference kernels on its own bytes; an ONNX
    file's are those of ONNX Runtime without optimisations, each layer alone.
    """
    with scratch_folder() as folder:
        reference = next((path for path in (first, second) if path.suffix == ".tflite"), folder / "graph.tflite")
        if not reference.exists():
            reference.write_bytes(to_tflite(graph))
        given = _reference(graph, reference, inputs)
    found = [given if path == reference else _found(graph, path, given) for path in (first, second)]
    return tuple(
        replace(
            _row(node, *(values[node.outputs[0]] for values in found)),
            most_share=_most_share(graph, node),
            most_lsb=_most_lsb(graph, node),
        )
        for node in graph.nodes
        if all(node.outputs[0] in values for values in found)
    )


def _found(graph: Graph, path: Path, given: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
    if path.suffix == ".tflite":
        return _reference(graph, path, given[graph.inputs[0]])
    names = _common_names(graph, path)
    fed = [given[names[name]] for name in _order(read_graph(path))]
    return {names[name]: array for name, array in run(path, fed, "onnxruntime-layers").tensors.items()}


def _reference(graph: Graph, path: Path, inputs: NDArray[np.int8]) -> dict[str, NDArray[Any]]:
    """Every activation of a TFLite file by the names of `graph`; a view that the file does without is made here."""
    names = _common_names(graph, path)
    tensors = run(path, [_fed(graph, path, inputs)], "litert-reference", every_tensor=True).tensors
    values = {graph.inputs[0]: inputs, **{names[name]: array for name, array in tensors.items() if name in names}}
    for node in graph.nodes:
        if node.outputs[0] not in values:
            shape = graph.tensors[node.outputs[0]].shape
            values[node.outputs[0]] = values[node.inputs[0]].reshape(len(inputs), *shape[1:])
    return values


def _fed(graph: Graph, path: Path, integers: NDArray[Any]) -> NDArray[Any]:
    """Integers as the file takes them: the reals that they stand for, where it rounds its input itself."""
    scale = graph.tensors[graph.inputs[0]].quantization
    rounds = scale is not None and describe(path).inputs[0].dtype == "float32"
    return scale.dequantize(integers) if rounds and scale is not None else integers


def _common_names(graph: Graph, path: Path) -> dict[str, str]:
    """A file's names of the activations, to those of `graph`: the same layers in the same order."""
    return dict(zip(_order(canonical(read_graph(path))), _order(graph), strict=True))


def _order(graph: Graph) -> list[str]:
    return [*graph.inputs, *(node.outputs[0] for node in graph.nodes)]


def _most_share(graph: Graph, node: Node) -> float:
    """1 %, or twice the share of its values that TFLite's two roundings set off from one.

    A sum is multiplied and rounded, then shifted right by s and rounded again: the first rounding makes a tie of one
    value in 2^s, and half of these go the wrong way. Mostly s is 7 or more: below half a per cent.
    """
    if node.kind not in WEIGHTED:
        return MOST_SHARE
    tensors, output = graph.of(node.inputs), graph.tensors[node.outputs[0]]
    shifts = np.maximum(-channel_multiplier(tensors, output).exponent, 0)
    ties = np.where(shifts > 0, 0.5 ** (shifts + 1.0), 0.0)
    return max(MOST_SHARE, 2 * float(ties.mean()))


def _most_lsb(graph: Graph, node: Node) -> int:
    """One step; and of an interpolation as many as the greatest slope, of 255 a pixel, makes of its misplacement."""
    if not isinstance(node.operator, ResizeBilinear):
        return MOST_LSB
    return MOST_LSB + ceil(255 * node.operator.misplaced(graph.tensors[node.inputs[0]].shape))


def _row(node: Node, first: NDArray[np.int8], second: NDArray[np.int8]) -> LayerParity:
    """A channel that both files give one value throughout is rounded once, and counts once."""
    one, other = (array.reshape(-1, array.shape[-1]).astype(np.int16) for array in (first, second))
    off = np.abs(one - other)
    off[1:, (one == one[:1]).all(axis=0) & (other == other[:1]).all(axis=0)] = 0
    places = np.argwhere(off)
    pair = (int(one[tuple(places[0])]), int(other[tuple(places[0])])) if len(places) else (None, None)
    return LayerParity(node.outputs[0], node.kind, off.size, len(places), int(off.max(initial=0)), *pair)
