"""manifest.json: what the package is made from, what it takes and gives, its layers, and what it needs."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..graph.graph import Graph
from ..graph.tensor import Tensor
from .generate import Generated
from .layer import Step
from .memory import tensor_bytes
from .passes.simplify import Simplified
from .source import constants_bytes


@dataclass(frozen=True)
class Manifest:
    """`macs` are those of the code; `passes` tell what went out of the file's graph before it was written.

    The weights in `flash` are the constants of all layers; the code's bytes are known once a compiler has seen it.
    """

    name: str
    source: Mapping[str, Any]
    core: str | None
    prefer: str
    inputs: tuple[Mapping[str, Any], ...]
    outputs: tuple[Mapping[str, Any], ...]
    layers: tuple[Mapping[str, Any], ...]
    macs: int
    passes: Mapping[str, int]
    ram: Mapping[str, int]
    flash: Mapping[str, int]
    files: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        return {"schema": 1, **asdict(self)}

    def text(self) -> str:
        return json.dumps(self.to_json(), indent=1, sort_keys=True) + "\n"


def manifest(made: Generated, name: str, data: bytes, core: str | None, files: Mapping[str, str]) -> Manifest:
    """Of a package that was generated from a .tflite file of these bytes."""
    graph = made.graph
    return Manifest(
        name=name,
        source={"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)},
        core=core,
        prefer=made.options.prefer,
        inputs=tuple(_port(tensor) for tensor in graph.of(graph.inputs)),
        outputs=tuple(_port(tensor) for tensor in graph.of(graph.outputs)),
        layers=tuple(_layer(graph, step) for step in made.steps),
        macs=graph.macs(),
        passes=_passes(made.simplified),
        ram={"arena": made.arena.bytes, "least": made.arena.least},
        flash={"weights": sum(constants_bytes(step.layer) for step in made.steps)},
        files={file: hashlib.sha256(text.encode()).hexdigest() for file, text in files.items()},
    )


def _passes(made: Simplified) -> Mapping[str, int]:
    return {
        "layers_gone": made.layers_gone,
        "channels_gone": made.channels_gone,
        "macs_before": made.macs_before,
        "reordered": made.reordered,
    }


def _port(tensor: Tensor) -> Mapping[str, Any]:
    quantization = tensor.quantization
    return {
        "name": tensor.origin or tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "bytes": tensor_bytes(tensor),
        "scale": quantization.per_tensor_scale if quantization else None,
        "zero_point": quantization.zero_point if quantization else None,
    }


def _layer(graph: Graph, step: Step) -> Mapping[str, Any]:
    return {
        "function": step.site.name,
        "kind": step.site.kind,
        "name": step.site.output.origin or step.site.output.name,
        "macs": step.site.operator.macs(graph.of(step.node.inputs), graph.of(step.node.outputs)),
        "weights_bytes": constants_bytes(step.layer),
        "scratch_bytes": step.layer.scratch,
    }
