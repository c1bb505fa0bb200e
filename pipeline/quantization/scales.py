"""One scale and zero point for every activation of a float graph."""

from collections.abc import Mapping

import numpy as np

from ...calibration.observers import joint
from ...calibration.ranges import METHODS, Range, min_max
from ..errors import BadInput
from ..graph.graph import Graph
from ..graph.passes.settle_scales import SAME_SCALE
from ..graph.tensor import Quantization, per_tensor
from .calibrate import Calibration
from .options import QuantizationOptions

LEAST_RANGE = 1e-6  # of a tensor that is constant
SOFTMAX_OUTPUT = per_tensor(1 / 256, -128)


def activation_scales(graph: Graph, calibration: Calibration, options: QuantizationOptions) -> dict[str, Quantization]:
    """Scales by tensor name.

    Operators that keep their input's scale tie tensors into groups; each group has one range, of all its values
    together. The input's group takes all that was seen of it (or the range in the options), so that 8-bit samples stay
    exact; a softmax has its fixed scale, and so has what merely moves its output.
    """
    scales: dict[str, Quantization] = {}
    for first, members in _groups(graph).items():
        producer = graph.producer(first)
        if producer is not None and producer.kind == "Softmax":
            scale = SOFTMAX_OUTPUT
        else:
            scale = scale_of(_range(members, first in graph.inputs, calibration, options))
        scales.update(dict.fromkeys(members, scale))
    return scales


def scale_of(ends: Range) -> Quantization:
    """The int8 scale that covers a range: widened to hold 0, which is an integer exactly."""
    low, high = min(ends[0], 0.0), max(ends[1], 0.0)
    scale = np.float32(max(high - low, LEAST_RANGE) / 255)
    zero_point = int(np.clip(np.round(-128 - low / float(scale)), -128, 127))
    return per_tensor(float(scale), zero_point)


def _groups(graph: Graph) -> Mapping[str, list[str]]:
    """Tensors that must share a scale, under the name of the one that is computed first.

    Every same-scale operator has one input, so a group is a tree: its first tensor decides.
    """
    first_of = {name: name for name in graph.inputs}
    for node in graph.nodes:
        (output,) = node.outputs
        first_of[output] = first_of[node.inputs[0]] if node.kind in SAME_SCALE else output
    groups: dict[str, list[str]] = {}
    for name, first in first_of.items():
        groups.setdefault(first, []).append(name)
    return groups


def _range(members: list[str], is_input: bool, calibration: Calibration, options: QuantizationOptions) -> Range:
    missing = [name for name in members if name not in calibration.tensors]
    if missing:
        raise BadInput(f"calibration: nothing was seen of tensor {missing[0]!r}; it was made for another graph")
    seen = joint([calibration.tensors[name] for name in members])
    if is_input:
        return options.input_range or min_max(seen)
    return METHODS[options.ranges](seen)
