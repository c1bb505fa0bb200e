"""Makes inputs from a teacher alone, for students that shall learn without any data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind
from ..distillation.inverting import Inverting


@dataclass(frozen=True, kw_only=True)
class Invert(Inverting):
    """Inputs made from the net `teacher` alone, as a data set that later stages name: `data = "invert"`.

    There are `count` inputs, every class in its share, made `at_once` in `steps` of Adam at this `rate`; 0 leaves the
    noise.

    The loss is the teacher's cross entropy with the class that is wanted, plus `statistics` times how far its batch
    norms are from what they met in training; of images also `variation` times how unlike neighbours are, and each step
    moves them by up to `jitter` pixels. What is not an image stays within `limit` deviations of its mean. `draw` is the
    seed of the noise: students of all seeds learn from the same inputs.
    """

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"teacher": ("checkpoint",)}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "dataset"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "safetensors", "torch")

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..data.dataset import save
        from ..distillation.inversion import inverted
        from ..models.checkpoint import load_checkpoint

        teacher = inputs["teacher"]
        save(inverted(load_checkpoint(teacher.path), self, teacher.sha256), out)
