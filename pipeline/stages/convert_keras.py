"""Converts a Keras model or a SavedModel to float TFLite, by TensorFlow in a child process."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind
from ..teachers.beside import beside, check_beside
from ..teachers.keras import check_tensorflow


@dataclass(frozen=True)
class ConvertKeras:
    """The .keras file or the SavedModel's folder `saved_model`; the path is relative to the recipe's folder."""

    saved_model: str

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "tflite"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("tensorflow",)

    def __post_init__(self) -> None:
        check_beside("saved_model", self.saved_model, ".keras", "")
        check_tensorflow()

    def sources(self) -> Iterable[Path]:
        return (beside("saved_model", self.saved_model),)

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..teachers.keras import to_tflite

        to_tflite(beside("saved_model", self.saved_model), out)
