"""Somebody's float model file to INT8 TFLite and INT8 ONNX, each run and compared before it counts."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..artifact import Artifact, of_file
from ..disk import written_to
from ..graph.graph import Graph
from ..graph.passes.float_ends import with_float_ends
from ..graph.to_onnx import to_onnx
from ..graph.to_tflite import to_tflite
from ..progress import say, track
from ..runtimes.ort_format import compare_converted, require_converter, to_ort
from ..runtimes.parity import Parity, compare, demand
from ..runtimes.runtime import Arena, arena_bytes
from ..runtimes.samples import infer
from ..scratch import scratch_folder
from ..task import ACCURACY, Metric
from .calibrate import calibrate
from .material import Material, float_graph, remarks
from .options import FileOptions
from .quantize import QuantizationOptions, quantize

BATCH = 16
COMPARED = 20  # samples on which files are held to each other
AS_USUAL = FileOptions()
TWIN = {".onnx": ".tflite", ".tflite": ".onnx"}
WRITERS: Mapping[str, Callable[[Graph], bytes]] = {".onnx": to_onnx, ".tflite": to_tflite}


@dataclass(frozen=True)
class Quantized:
    """The files, what TFLite Micro needs for them, and what was lost on samples that did not calibrate.

    There are no files where a check did not pass: what does not compute the same is not handed over.
    `calibrated_range` are the least and the greatest value of the samples that calibrated, as the model takes them.
    `held_out` is None where nobody knows whether the model was trained on the samples that judge, False where they
    calibrated. Scores are the metric's, None where the samples have no targets; `against_float` compares float and INT8
    end to end, `between_files` the two INT8 files, `others` these with the files that were asked for besides.
    `tells_labels` says whether the greatest output is an answer; `remarks` what to know before believing the scores.
    """

    files: tuple[Artifact, ...]
    arena: Arena
    calibrated_on: int
    calibrated_range: tuple[float, float]
    judged_on: int
    held_out: bool | None
    metric: Metric | None
    score_float: float | None
    score_int8: float | None
    against_float: Parity
    between_files: Parity
    others: tuple[Parity, ...] = ()
    tells_labels: bool = True
    remarks: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the INT8 files compute the same, and what the float model does but for an error of less than half."""
        return all(parity.passed for parity in (self.against_float, self.between_files, *self.others))

    @property
    def drop(self) -> float | None:
        """What INT8 loses of the metric, in its unit or in points; negative when INT8 is better."""
        if self.metric is None or self.score_float is None or self.score_int8 is None:
            return None
        return self.metric.sign * (self.score_float - self.score_int8)

    def to_json(self) -> dict[str, Any]:
        return {
            "files": [{"path": str(file.path), "sha256": file.sha256, "bytes": file.bytes} for file in self.files],
            "tflm_arena": asdict(self.arena),
            "calibrated_on": self.calibrated_on,
            "calibrated_range": list(self.calibrated_range),
            "judged_on": self.judged_on,
            "held_out": self.held_out,
            "metric": None if self.metric is None else asdict(self.metric),
            "score_float": self.score_float,
            "score_int8": self.score_int8,
            "accuracy_float": self.score_float if self.metric == ACCURACY else None,
            "accuracy_int8": self.score_int8 if self.metric == ACCURACY else None,
            "drop": self.drop,
            "against_float": self.against_float.to_json(),
            "between_files": self.between_files.to_json(),
            "others": [parity.to_json() for parity in self.others],
            "remarks": list(self.remarks),
        }


def quantize_file(
    model: Path, material: Material, out: Path, options: QuantizationOptions, files: FileOptions = AS_USUAL
) -> Quantized:
    """Writes NAME.int8.tflite and NAME.int8.onnx into `out`, and the float twin of the other format, NAME.float.*.

    As `files` asks, also NAME.int8-float-io.tflite, NAME.int8.ort and the model as NAME.float.*. All are made beside,
    synced, and renamed once every check has passed: no file of `out` is lost to one that is worse. MissingTool when
    .ort files cannot be written here; EdgestillError when `out` is no folder that can be written to, or its disk is
    full.
    """
    if files.ort:
        require_converter()
    calibrating, judging = material.calibrating, material.judging
    with _workshop(out) as folder:
        graph = float_graph(model)
        calibration = calibrate(graph, _batches(calibrating.x))
        options = replace(options, input_range=options.input_range or material.input_range)
        integer = quantize(graph, calibration, calibrating.x, options)
        made = _made(folder, model, graph, integer, files)
        demand(model, made.twin)
        exact, rounded = infer(model, judging.x), infer(made.tflite, judging.x)
        against_float = compare(model, made.tflite, judging.x, {model: exact, made.tflite: rounded})
        between_files, *others = made.compared(judging.x[:COMPARED])
        arena, score = arena_bytes(made.tflite), _score(exact, material)
        agreed = all(parity.passed for parity in (against_float, between_files, *others))
        handed = [path.replace(out / path.name) for path in made.all] if agreed else []
        for stale in _stale(out, model.stem, handed):
            say(f"{stale}: is of an earlier run and does not hold these integers; delete it, or have it written anew")
    return Quantized(
        files=tuple(of_file(path) for path in handed),
        arena=arena,
        calibrated_on=len(calibrating),
        calibrated_range=(float(calibrating.x.min()), float(calibrating.x.max())),
        judged_on=len(judging),
        held_out=material.held_out,
        metric=material.metric,
        score_float=score,
        score_int8=_score(rounded, material),
        against_float=against_float,
        between_files=between_files,
        others=tuple(others),
        tells_labels=material.tells_labels,
        remarks=remarks(score, material),
    )


@dataclass(frozen=True)
class _Made:
    """The files before anybody has them; None where they were not asked for."""

    twin: Path
    tflite: Path
    onnx: Path
    float_io: Path | None
    ort: Path | None
    own: Path | None

    @property
    def all(self) -> list[Path]:
        every = (self.twin, self.tflite, self.onnx, self.float_io, self.ort, self.own)
        return [path for path in every if path is not None]

    def compared(self, samples: NDArray[Any]) -> list[Parity]:
        """The INT8 files with each other, those first that are always there."""
        found = [compare(self.tflite, self.onnx, samples)]
        if self.float_io is not None:
            found.append(compare(self.tflite, self.float_io, samples))
        if self.ort is not None:
            found.append(compare_converted(self.onnx, self.ort, samples))
        return found


def _stale(out: Path, stem: str, handed: Sequence[Path]) -> list[Path]:
    """Files that `quantize` wrote for a model of this name another time, and not now; none where nothing was handed."""
    known = [out / f"{stem}{ending}" for ending in (".int8-float-io.tflite", ".int8.ort")]
    return [path for path in known if handed and path not in handed and path.is_file()]


def _made(folder: Path, model: Path, graph: Graph, integer: Graph, files: FileOptions) -> _Made:
    """Every file that is asked for, written into the folder."""
    if files.stripped:
        graph, integer = replace(graph, metadata={}), replace(integer, metadata={})
    stem = folder / model.stem
    qdq = _write(stem.with_name(f"{model.stem}.int8.onnx"), to_onnx(integer, files.activations))
    ort = to_ort(qdq) if files.ort else None
    ended = to_tflite(with_float_ends(integer)) if files.io == "float" else None
    return _Made(
        twin=_write(stem.with_name(f"{model.stem}.float{TWIN[model.suffix]}"), WRITERS[TWIN[model.suffix]](graph)),
        tflite=_write(stem.with_name(f"{model.stem}.int8.tflite"), to_tflite(integer)),
        onnx=qdq,
        float_io=None if ended is None else _write(stem.with_name(f"{model.stem}.int8-float-io.tflite"), ended),
        ort=None if ort is None else _write(stem.with_name(f"{model.stem}.int8.ort"), ort),
        own=_write(stem.with_name(f"{model.stem}.float{model.suffix}"), model.read_bytes()) if files.own else None,
    )


@contextmanager
def _workshop(out: Path) -> Iterator[Path]:
    """A temporary folder inside `out`, so that what is made there can be renamed into it."""
    with written_to(out, "name another folder with --out"):
        out.mkdir(parents=True, exist_ok=True)
        with scratch_folder(out) as folder:
            yield folder


def _write(path: Path, data: bytes) -> Path:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return path


def _batches(samples: NDArray[Any]) -> Iterator[NDArray[Any]]:
    starts = range(0, len(samples), BATCH)
    for start in track(starts, len(starts)):
        yield samples[start : start + BATCH]


def _score(outputs: NDArray[np.float32], material: Material) -> float | None:
    task, samples = material.task, material.judging
    if task is None or material.metric is None or samples.y is None:
        return None
    return task.score(task.predictions(outputs, samples.x), samples.y)
