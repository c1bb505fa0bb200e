"""Pours somebody's weights into the net that a factory builds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ..artifact import Artifact, Kind
from ..models.catalog import check, sources
from ..teachers.beside import beside, check_beside


@dataclass(frozen=True, kw_only=True)
class LoadWeights:
    """The net `model` with its `options` and the tensors of the safetensors file `weights`.

    Every tensor must fit, unless the net is trained on: then what does not fit begins untrained (`partly`).
    """

    model: str
    weights: str
    options: Mapping[str, Any] = field(default_factory=dict)
    partly: bool = False
    seed: int = 0

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"data": ("dataset",)}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "checkpoint"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("safetensors", "torch")

    def __post_init__(self) -> None:
        check(self.model, self.options)
        check_beside("weights", self.weights, ".safetensors")

    def sources(self) -> Iterable[Path]:
        return (*sources(self.model), beside("weights", self.weights))

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import load
        from ..models.checkpoint import save_checkpoint
        from ..teachers.weights import with_weights

        path, dataset = beside("weights", self.weights), load(inputs["data"].path)
        save_checkpoint(out, with_weights(self.model, self.options, path, dataset, self.seed, self.partly))
