"""What `verify` compares: files as they are given, a checkpoint as it exports, a run folder's files with each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...pipeline.artifact import digest
from ...pipeline.errors import BadInput, BadRecipe, GateFailed
from ..report.document import Report, read_report
from ..report.variant import Variant
from .handover import stems

CHECKPOINT = ".safetensors"


@dataclass(frozen=True)
class Pair:
    """Two model files; `name` is what a person calls the first."""

    name: str
    first: Path
    second: Path


def pairs(given: Sequence[Path], scratch: Path, fed: bool) -> list[Pair]:
    """The pairs to compare: the first of what was given with each of the others, or a run folder's own files.

    A run folder or a checkpoint may stand first. A checkpoint is exported into `scratch`. Float files are held against
    the INT8 files that were made of them only when they are `fed` real samples: noise tells little of a range.
    """
    first, *others = given
    for other in others:
        if other.is_dir() or other.suffix == CHECKPOINT:
            raise BadInput(f"{other}: a run folder or a checkpoint may stand first only")
    if first.is_dir():
        report = _whole_report(first)
        return list(_inside(first, report, scratch, fed) if not others else _against(first, report, others))
    if not others:
        raise BadInput("verify: one file is nothing to compare; give at least two, or a run folder")
    if first.suffix == CHECKPOINT:
        exported = _exported(first, scratch)
        return [Pair(first.name, exported, other) for other in others]
    return [Pair(first.name, first, other) for other in others]


def _inside(run: Path, report: Report, scratch: Path, fed: bool) -> Iterator[Pair]:
    """Each variant's files: checkpoint and ONNX, ONNX and TFLite, and the two INT8 files."""
    checkpoints = stems(report.variants)
    for variant in report.variants:
        files = {file.role: run / file.name for file in variant.files}
        checkpoint = run / f"{checkpoints[variant.name]}{CHECKPOINT}"
        if "float onnx" in files and checkpoint.is_file():
            yield Pair(checkpoint.name, _exported(checkpoint, scratch), files["float onnx"])
        for one, other in (("float onnx", "float tflite"), ("int8 tflite", "int8 onnx")):
            if one in files and other in files:
                yield Pair(files[one].name, files[one], files[other])
        source = _float_of(variant, report)
        if fed and source and "int8 tflite" in files:
            yield Pair(source, run / source, files["int8 tflite"])


def _against(run: Path, report: Report, others: Sequence[Path]) -> Iterator[Pair]:
    """The run's last model in the precision of each of the others."""
    from ...pipeline.graph.read import read_graph

    for other in others:
        role = "int8" if read_graph(other).is_integer() else "float"
        roles = (f"{role} onnx", f"{role} tflite")
        found = [file for variant in report.variants for file in variant.files if file.role in roles]
        if not found:
            raise BadInput(f"{run}: its report tells of no {role} file to compare {other.name} with")
        model = next((file for file in found if file.name.startswith("model.")), found[-1])
        yield Pair(f"{run.name}/{model.name}", run / model.name, other)


def _whole_report(run: Path) -> Report:
    """The run's report; GateFailed when a file that it tells of is another one, or is not there."""
    report = read_report(run / "report.json")
    told = {file.name: file.sha256 for variant in report.variants for file in variant.files}
    other = [name for name, sha256 in told.items() if not (run / name).exists() or digest(run / name) != sha256]
    if other:
        raise GateFailed(f"{run}: not the files that its report tells of: {', '.join(sorted(other))}; run it again")
    return report


def _float_of(variant: Variant, report: Report) -> str | None:
    """The ONNX file that an integer variant was made from."""
    source = next((row for row in report.variants if row.name == variant.source), None)
    file = source.file("float onnx") if source else None
    return file.name if file else None


def _exported(checkpoint: Path, scratch: Path) -> Path:
    """The checkpoint as ONNX, held against torch; a net of the user's own lies beside it, or where we were called."""
    from ...pipeline.models.export import export_onnx
    from ...pipeline.own_code import factories_in

    out = scratch / f"{checkpoint.stem}.onnx"
    try:
        with factories_in(checkpoint.parent):
            export_onnx(checkpoint, out)
    except BadRecipe:
        with factories_in(Path.cwd()):
            export_onnx(checkpoint, out)
    return out
