"""Compile: a full-integer TFLite file as a folder of C11 for a microcontroller."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind
from ..codegen.preference import CodeOptions, Preference


@dataclass(frozen=True)
class Compile:
    """`core` is the one that the package is laid out for, such as cortex-m4; None is any.

    `prefer` speed takes more flash (weights of 16 bits), flash takes more instructions; the integers are the same.
    """

    core: str | None = None
    prefer: Preference = "balanced"

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {"source": ("tflite",)}
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "c"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "flatbuffers", "tflite-micro")

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..codegen.compile_file import compile_file

        compile_file(inputs["source"].path, self.core, "model", CodeOptions(self.prefer)).write(out)
