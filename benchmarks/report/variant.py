"""A row of the table: a net on its way from teacher to INT8, its scores over the seeds, and its files."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ...pipeline.task import Metric
from ..harness.result import ArenaBytes, Result
from .agreement import Agreement
from .reliability import Reliability

Role = Literal["float onnx", "float tflite", "int8 onnx", "int8 tflite", "int8 c", "int8 app"]
DISPLAYED: tuple[Role, ...] = ("int8 tflite", "float tflite", "int8 onnx", "float onnx")


@dataclass(frozen=True)
class ModelFile:
    """One file of a variant; `score` is the metric of this very file on the test split, where it was taken."""

    role: Role
    name: str
    sha256: str
    bytes: int
    score: float | None = None
    arena: ArenaBytes | None = None


@dataclass(frozen=True)
class Judged:
    """The test samples one by one, as the first seed's file judges them: 1 for right and 0 for wrong, or the absolute
    error; or how far its reconstruction is off, and then `anomalous` is 1 for those that are not normal."""

    values: tuple[float, ...]
    anomalous: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Variant:
    """A row of the table: its scores seed by seed (`seeds`, `validation` and `test` pair up), and its files, which are
    those of the first seed. `macs` are multiply-accumulates of one inference; `source` names the float variant that an
    integer one was made from.

    Seed by seed as well, or empty where it is not known: `seconds` of training that led to it, by the clock on the wall
    and without its teacher's; the `reliability` of its confidence, and its `agreement` with the teacher, on test.
    """

    name: str
    metric: Metric
    seeds: tuple[int, ...]
    validation: tuple[float, ...]
    test: tuple[float, ...]
    parameters: int | None
    macs: int | None
    files: tuple[ModelFile, ...]
    source: str | None = None
    judged: Judged | None = None
    seconds: tuple[float, ...] = ()
    reliability: tuple[Reliability, ...] = ()
    agreement: tuple[Agreement, ...] = ()

    @property
    def integer(self) -> bool:
        return any(file.role.startswith("int8") for file in self.files)

    def file(self, role: Role) -> ModelFile | None:
        return next((file for file in self.files if file.role == role), None)

    @property
    def displayed(self) -> ModelFile | None:
        """The file that stands for the row where one figure must do: LiteRT's first, so that rows share a runtime."""
        return next((file for role in DISPLAYED if (file := self.file(role))), None)


def float_source(variants: Sequence[Variant], integer: Variant) -> Variant | None:
    """The float variant that an integer one was made from."""
    return next((one for one in variants if integer.source and one.name == integer.source), None)


def result_of(results: Sequence[Result], file: ModelFile | None, target: str = "host") -> Result | None:
    """What came back from this file on this target."""
    same = (one for one in results if file and one.file.sha256 == file.sha256 and one.target == target)
    return next(same, None)


def package_arena(variants: Sequence[Variant], result: Result) -> ArenaBytes | None:
    """TFLite Micro's arena for the .tflite file that a C package was made from."""
    for variant in variants:
        package = variant.file("int8 c")
        if package and package.sha256 == result.file.sha256:
            return next((file.arena for file in variant.files if file.arena), None)
    return None
