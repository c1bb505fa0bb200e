"""One scale and zero point for every activation of a float graph."""

from collections.abc import Iterator, Mapping

import numpy as np

from ...calibration.observers import Observer, Statistics, joint
from ...calibration.ranges import METHODS, Range, few_valued, min_max
from ..errors import BadInput
from ..graph.graph import Graph, Node
from ..graph.operators import Add, HardSwish, Softmax, Sub
from ..graph.passes.fixed_scales import FIXED
from ..graph.tensor import Quantization, per_tensor
from .calibrate import Calibration
from .groups import scale_groups
from .layers import Linear
from .limits import decisive, limits, reach
from .options import QuantizationOptions

LEAST_RANGE = 1e-6  # below, a tensor is zero everywhere
RANGE_OF_ZERO = 1.0  # any will do; runtimes refuse scales whose ratio to those around is extreme
FINEST = 128  # steps of an output in one of the products that it is a sum of; XNNPACK refuses 256
FINEST_SUM = 2**18  # steps of a sum in one of its operands; TFLite Micro's kernel ends the process at 2**19
FINEST_EXPONENT = 2**25  # steps of a softmax's input, times beta, in 1; its kernel ends the process at 2**26
SHRINKING = 120  # steps of a hard swish in one of its input; its kernel refuses 128


def activation_scales(graph: Graph, calibration: Calibration, options: QuantizationOptions) -> dict[str, Quantization]:
    """Scales by tensor name, also of the constants that are read as activations are.

    Operators that keep their input's scale tie tensors into groups; each group has one range, of all its values
    together. The input's group has the range in the options, or all that was seen where that is 256 values at most, so
    that 8-bit samples stay exact; a softmax has its fixed scale, and so has what merely moves its output. What cannot
    be there, or makes no difference to any reader, is cut off: what a clamp clamps, and where a sigmoid is flat. Token
    ids have none.
    """
    scales: dict[str, Quantization] = {}
    groups = scale_groups(graph)
    for members in groups:
        scales.update(dict.fromkeys(members, _scale(graph, members, calibration, options)))
    return _coarse_enough(graph, groups, scales)


def scale_of(ends: Range) -> Quantization:
    """The int8 scale that covers a range: widened to hold 0, which is an integer exactly."""
    low, high = min(ends[0], 0.0), max(ends[1], 0.0)
    scale = np.float32((high - low if high - low >= LEAST_RANGE else RANGE_OF_ZERO) / 255)
    zero_point = int(np.clip(np.round(-128 - low / float(scale)), -128, 127))
    return per_tensor(float(scale), zero_point)


def _scale(graph: Graph, members: list[str], calibration: Calibration, options: QuantizationOptions) -> Quantization:
    producers = [graph.producer(name) for name in members]
    fixed = [FIXED[node.kind] for node in producers if node is not None and node.kind in FIXED]
    if fixed:
        return fixed[0]
    if not set(members).isdisjoint(graph.inputs):
        seen = joint([_statistics(graph, name, calibration) for name in members])
        method = min_max if few_valued(seen) else METHODS[options.ranges]
        return scale_of(options.input_range or method(seen))
    decided_by = decisive(graph, members)
    low, high = METHODS[options.ranges](joint([_statistics(graph, name, calibration) for name in decided_by]))
    bounds = (limits(graph, decided_by), reach(graph, decided_by))
    return scale_of((max(low, *(least for least, _ in bounds)), min(high, *(most for _, most in bounds))))


def _coarse_enough(
    graph: Graph, groups: list[list[str]], scales: Mapping[str, Quantization]
) -> dict[str, Quantization]:
    """The scales, made coarser where an output has far finer steps than what it is made of: runtimes refuse that."""
    found = dict(scales)
    for node in graph.nodes:
        for name, least in _least_steps(graph, node, found):
            if name in found and found[name].per_tensor_scale < least:
                members = next(members for members in groups if name in members)
                found.update(dict.fromkeys(members, per_tensor(least, found[name].zero_point)))
    return found


def _least_steps(graph: Graph, node: Node, scales: Mapping[str, Quantization]) -> Iterator[tuple[str, float]]:
    """Tensors, and the finest step that a kernel carries: of a layer's output, what its greatest product makes."""
    (x, *others), (output,), operator = node.inputs, node.outputs, node.operator
    if isinstance(operator, HardSwish):
        yield output, scales[x].per_tensor_scale / SHRINKING
    if isinstance(operator, Add | Sub):
        yield output, max(scales[name].per_tensor_scale for name in node.inputs) / FINEST_SUM
    if isinstance(operator, Softmax):
        yield x, 1 / (FINEST_EXPONENT * operator.beta)
    weights = graph.tensors[others[0]].data if isinstance(operator, Linear) else None
    if weights is not None:
        yield output, scales[x].per_tensor_scale * float(np.abs(weights).max()) / 127 / FINEST


def _statistics(graph: Graph, name: str, calibration: Calibration) -> Statistics:
    """What was seen of an activation; of a constant, its values."""
    data = graph.tensors[name].data
    if data is not None:
        observer = Observer()
        observer.observe(data)
        return observer.statistics()
    if name not in calibration.tensors:
        raise BadInput(f"calibration: nothing was seen of tensor {name!r}; it was made for another graph")
    return calibration.tensors[name]
