"""Do two model files compute the same? Layer by layer where both are integer, end to end in any case."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import GateFailed
from ..graph.difference import differences
from ..graph.execute import as_graph_input
from ..graph.graph import Graph, renumbered
from ..graph.passes.canonical import canonical
from ..graph.read import read_graph
from ..graph.tensor import Quantization
from .interface import rounds_while_it_runs
from .layerwise import LayerParity, layers
from .samples import infer

MOST_RELATIVE_ERROR = 1e-3  # between two float files, of the largest output
MOST_OF_ROUNDED = 5e-2  # where one of them keeps int8 weights, and its runtime rounds the values that meet them
LEAST_SQNR_DB = 3.0  # between a float and an integer file: below it, most of the output is error
RANDOM_SAMPLES = 8
Given = Mapping[Path, NDArray[np.float32]]
NOTHING: Given = MappingProxyType({})

__all__ = ["EndToEnd", "LayerParity", "Parity", "compare", "compare_outputs", "demand"]


@dataclass(frozen=True)
class EndToEnd:
    """Outputs of the second file against those of the first.

    `agreement` is the share of samples, 0 to 1, whose greatest output is the same one; `max_lsb` is in steps of the
    output's scale, None unless both files are integer; `relative_error` is the largest difference over the largest
    output. Decibels and error are nan where an output is not finite.
    """

    samples: int
    sqnr_db: float
    agreement: float
    relative_error: float
    max_lsb: int | None = None
    mismatches: int | None = None
    values: int = 0


@dataclass(frozen=True)
class Parity:
    """What was found: whether the files agree, why not, every layer, and the outputs. `inputs` says on what."""

    first: str
    second: str
    passed: bool
    reasons: tuple[str, ...]
    layers: tuple[LayerParity, ...]
    end_to_end: EndToEnd | None
    inputs: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; each layer with its share and whether it passed, what is not finite as None."""
        rows = [{**asdict(row), "share": row.share, "passed": row.passed} for row in self.layers]
        end = None if self.end_to_end is None else asdict(self.end_to_end)
        for name in ("sqnr_db", "relative_error"):
            if end is not None and not np.isfinite(end[name]):
                end[name] = None
        return {**asdict(self), "reasons": list(self.reasons), "layers": rows, "end_to_end": end}


def compare(first: Path, second: Path, samples: NDArray[Any] | None, given: Given = NOTHING) -> Parity:
    """Compares two files, .onnx or .tflite, float or integer, on samples (n, ...), channels last; None: seeded noise.

    Two integer files agree when their layers, constants and scales are equal and every layer, fed the same integers,
    is within one step with less than 1 % of its values off. Two float files agree when no output is off by more than
    1e-3 of the largest, 5e-2 where LiteRT rounds what meets the int8 weights of a float file; a float and an integer
    file, when the error is less than half of the output's power (3 dB).
    `given` are outputs for these samples, as `infer` gave them, of files that need not be run end to end again.
    Outputs that are not finite agree with nothing.
    What integer files differ by end to end is told, never judged: single steps grow from layer to layer.
    """
    graphs = renumbered(canonical(read_graph(first))), renumbered(canonical(read_graph(second)))
    fed = _noise(*graphs) if samples is None else as_graph_input(graphs[0], samples)
    inputs = f"{len(fed)} {'seeded random' if samples is None else 'given'} samples"
    reasons = _shapes(*graphs)
    if reasons:
        return Parity(first.name, second.name, False, tuple(reasons), (), None, inputs)
    if all(graph.is_integer() for graph in graphs):
        return _integers(first, second, graphs, fed, given, inputs)
    outputs = _outputs(first, second, fed, given)
    return _judged(first, second, outputs, inputs, both_float=not any(_has_integers(graph) for graph in graphs))


def demand(first: Path, second: Path, samples: NDArray[Any] | None = None) -> Parity:
    """As `compare`; raises `GateFailed` with every reason when the files do not agree."""
    parity = compare(first, second, samples)
    if not parity.passed:
        reasons = "".join(f"\n  {reason}" for reason in parity.reasons)
        raise GateFailed(f"{first.name} and {second.name} do not compute the same on {parity.inputs}:{reasons}")
    return parity


def compare_outputs(
    first: Path, second: Path, outputs: tuple[NDArray[np.float32], NDArray[np.float32]], least_db: float
) -> Parity:
    """What two files gave (n, ...) for the same given samples, end to end: finite, and so many dB to their error."""
    count = len(outputs[0])
    one, other = (array.reshape(count, -1).astype(np.float64) for array in outputs)
    end, reasons = _end_to_end(one, other, None), _not_finite(first, second, (one, other))
    reasons = reasons or _too_far(end, least_db)
    return Parity(first.name, second.name, not reasons, tuple(reasons), (), end, f"{count} given samples")


def _integers(
    first: Path, second: Path, graphs: tuple[Graph, Graph], samples: NDArray[Any], given: Given, inputs: str
) -> Parity:
    reasons = differences(*graphs)
    rows: tuple[LayerParity, ...] = ()
    if not reasons:
        rows = layers(graphs[0], first, second, _integers_of(graphs[0], samples))
        reasons = [str(row) for row in rows if not row.passed]
    output = _scale(graphs[0].outputs[0], graphs[0])
    outputs = _outputs(first, second, samples, given)
    reasons += _not_finite(first, second, outputs)
    return Parity(first.name, second.name, not reasons, tuple(reasons), rows, _end_to_end(*outputs, output), inputs)


def _integers_of(graph: Graph, samples: NDArray[Any]) -> NDArray[Any]:
    """Samples as the integer graph takes them: INT8 steps, or token ids."""
    scale = graph.tensors[graph.inputs[0]].quantization
    return samples if scale is None else scale.quantize(samples)


def _judged(
    first: Path,
    second: Path,
    outputs: tuple[NDArray[np.float64], NDArray[np.float64]],
    inputs: str,
    both_float: bool,
) -> Parity:
    end, reasons = _end_to_end(*outputs, None), _not_finite(first, second, outputs)
    most = MOST_OF_ROUNDED if any(map(rounds_while_it_runs, (first, second))) else MOST_RELATIVE_ERROR
    if not reasons and both_float and not end.relative_error < most:
        reasons = [f"outputs are off by {end.relative_error:.1e} of the largest; {most:.0e} is the most"]
    if not reasons and not both_float:
        reasons = _too_far(end, LEAST_SQNR_DB)
    return Parity(first.name, second.name, not reasons, tuple(reasons), (), end, inputs)


def _too_far(end: EndToEnd, least_db: float) -> list[str]:
    """Why outputs are not those of the same model, where they are that far apart."""
    if end.sqnr_db >= least_db:
        return []
    return [f"outputs have {end.sqnr_db:.1f} dB to their error; {least_db:g} dB is the least"]


def _outputs(
    first: Path, second: Path, samples: NDArray[Any], given: Given
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, values) of both files, from what they gave already where it is known."""
    one, other = (given[path] if path in given else infer(path, samples) for path in (first, second))
    return one.reshape(len(samples), -1).astype(np.float64), other.reshape(len(samples), -1).astype(np.float64)


def _not_finite(first: Path, second: Path, outputs: Sequence[NDArray[np.float64]]) -> list[str]:
    """Why outputs cannot be compared at all."""
    counted = {
        path.name: int((~np.isfinite(array)).sum()) for path, array in zip((first, second), outputs, strict=True)
    }
    return [
        f"the outputs of {name} are not finite: {count} of {outputs[0].size} values are nan or infinite"
        for name, count in counted.items()
        if count
    ]


def _end_to_end(one: NDArray[np.float64], other: NDArray[np.float64], scale: Quantization | None) -> EndToEnd:
    agreement = float((one.argmax(axis=1) == other.argmax(axis=1)).mean())
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return EndToEnd(len(one), float("nan"), agreement, float("nan"), values=one.size)
    off = np.abs(one - other)
    noise, signal = float((off**2).sum()), float((one**2).sum())
    steps = None if scale is None else np.rint(off / scale.per_tensor_scale)
    return EndToEnd(
        samples=len(one),
        sqnr_db=float(10 * np.log10(max(signal, 1e-300) / noise)) if noise else float("inf"),
        agreement=agreement,
        relative_error=float(off.max() / max(np.abs(one).max(), 1e-30)),
        max_lsb=None if steps is None else int(steps.max()),
        mismatches=None if steps is None else int((steps > 0).sum()),
        values=off.size,
    )


def _shapes(first: Graph, second: Graph) -> list[str]:
    """Why the same samples cannot be fed to both, or their outputs not compared."""
    return [
        f"the {what} is {mine} in the first, {theirs} in the second"
        for what, mine, theirs in (
            ("input's shape", *(graph.tensors[graph.inputs[0]].shape for graph in (first, second))),
            ("input", *("token ids" if graph.takes_ids() else "reals" for graph in (first, second))),
            ("output's shape", *(graph.tensors[graph.outputs[0]].shape for graph in (first, second))),
            ("number of inputs", len(first.inputs), len(second.inputs)),
            ("number of outputs", len(first.outputs), len(second.outputs)),
        )
        if mine != theirs
    ]


def _noise(first: Graph, second: Graph) -> NDArray[Any]:
    """Seeded samples all over the input's range where one file says it, normal with deviation 1 where none does.

    Token ids are any that both files have rows for.
    """
    random = np.random.default_rng(0)
    inputs = [graph.tensors[graph.inputs[0]] for graph in (first, second)]
    shape = (RANDOM_SAMPLES, *inputs[0].shape[1:])
    if first.takes_ids():
        rows = min(graph.vocabulary() or 1 for graph in (first, second))
        return random.integers(0, rows, shape).astype(np.int32)
    for tensor in inputs:
        if tensor.quantization is not None:
            return tensor.quantization.dequantize(random.integers(-128, 128, shape).astype(np.int8))
    return random.standard_normal(shape, np.float32)


def _has_integers(graph: Graph) -> bool:
    return any(tensor.dtype == "int8" for tensor in graph.tensors.values())


def _scale(name: str, graph: Graph) -> Quantization:
    scale = graph.tensors[name].quantization
    assert scale is not None
    return scale
