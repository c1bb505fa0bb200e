"""A teacher in a file: .onnx or .tflite, float or integer, run in its own runtime in a child process."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.dataset import DataSet, Split
from ..data.travelling import Travelling, travelling
from ..distillation.teacher import Told, refuse_other_samples, told_without_taps
from ..errors import BadModel
from ..graph.graph import Graph
from ..graph.read import read_graph
from ..models.trained_on import has_seen
from ..preprocess import Preprocess, channels_last, preprocess_from_json
from ..runtimes.runtime import Interface, describe, run
from ..runtimes.samples import RUNTIMES, as_input, as_real
from .file_layout import Layout, laid_out
from .meaning import Meaning, as_logits, meaning_of
from .scaling import scaled

TRIED = 64  # validation samples that a file must answer before anything is trained
SAID: Mapping[Meaning, str] = {
    "softmax": "it gives probabilities; their logarithm stands for its logits",
    "sigmoid": "it gives a probability a label; their log-odds stand for its logits",
}


@dataclass(frozen=True)
class FileTeacher:
    """The file `path`, by the name `name`; `meaning` says what its first output is, `preprocess` what it is fed."""

    path: Path
    name: str
    preprocess: Preprocess
    layout: Layout
    meaning: Meaning
    parameters: int | None
    macs: int | None
    notes: Sequence[str]
    sees_views: bool = True

    def outputs(self, split: Split) -> NDArray[np.float32]:
        outputs = answers(self.path, self.preprocess.apply(np.asarray(split.x)), self.layout, self.name)
        return as_logits(outputs, self.meaning, describe(self.path).outputs[0].scale)

    def told(self, split: Split, taps: Sequence[str]) -> Told:
        return told_without_taps(self, split, taps, f"the file {self.name}")

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "preprocess": self.preprocess.to_json(),
            "layout": self.layout,
            "meaning": self.meaning,
            "parameters": self.parameters,
            "macs": self.macs,
            "notes": list(self.notes),
        }


def file_teacher(
    path: Path, name: str, dataset: DataSet, layout: Layout = "", scaling: Mapping[str, Any] | None = None
) -> FileTeacher:
    """The teacher in a file, after it has answered a few samples of validation.

    It is fed as `scaling` (divisor, mean, std) says, else as the file's own metadata say, else as the data set does.
    BadModel when it takes or gives something else than the data set needs, RuntimeDied when it takes down its process.
    """
    _refuse_parts_elsewhere(path, name)
    graph = _graph(path)
    said = travelling(graph.metadata, name) if graph else Travelling()
    preprocess = _preprocess(name, dataset, said, scaling or {})
    samples = preprocess.apply(np.asarray(dataset.validation.x[:TRIED]))
    outputs = answers(path, samples, layout, name)
    task = dataset.about.task
    wanted = task.outputs(dataset.about.preprocess.shape)
    if outputs[0].size != wanted:
        raise BadModel(
            f"{name}: it gives {outputs[0].size} values a sample; the data set {dataset.about.name} needs {wanted}, "
            f"{task.said(dataset.about.preprocess.shape)}"
        )
    if not np.isfinite(outputs).all():
        raise BadModel(f"{name}: its outputs are not finite on samples of {dataset.about.name}; is its scaling right?")
    meaning = meaning_of(path, outputs) if task.kind == "classify" else "logits"
    seen = has_seen(said.data, dataset.about)
    notes = (*_notes(name, path, meaning, preprocess, dataset), *([seen] if seen else []))
    parameters, macs = (graph.parameters(), graph.macs()) if graph else (None, None)
    return FileTeacher(path, name, preprocess, layout, meaning, parameters, macs, notes)


def file_teacher_from_json(path: Path, values: Mapping[str, Any]) -> FileTeacher:
    """The teacher that `FileTeacher.to_json` told of."""
    return FileTeacher(path, **{**values, "preprocess": preprocess_from_json(values["preprocess"])})


def answers(path: Path, samples: NDArray[Any], layout: Layout, name: str) -> NDArray[np.float32]:
    """The file's first output (n,...) for samples as they are fed, channels last; several axes come as (n,values)."""
    ports = _ports(path, name)
    given, taken = ports.inputs[0], ports.outputs[0]
    fed = laid_out(samples, given, layout, name)
    if given.scale is None and fed.dtype != given.dtype and fed.dtype.kind == np.dtype(given.dtype).kind:
        fed = fed.astype(given.dtype)  # token ids of another width, reals of another precision
    outputs = as_real(run(path, [as_input(fed, given)], RUNTIMES[path.suffix]).outputs[0], taken)
    if fed.shape != samples.shape:  # channels first comes out as it went in
        outputs = channels_last(outputs)
    return outputs.reshape(len(outputs), -1)


def _refuse_parts_elsewhere(path: Path, name: str) -> None:
    """BadModel when an ONNX file keeps its weights in another file, which the store would not see change."""
    if path.suffix != ".onnx":
        return
    import onnx

    describe(path)  # names a damaged file
    constants = onnx.load(path, load_external_data=False).graph.initializer
    elsewhere = [tensor.name for tensor in constants if tensor.data_location == onnx.TensorProto.EXTERNAL]
    if elsewhere:
        raise BadModel(
            f"{name}: keeps {len(elsewhere)} of its tensors in another file; save the model as one file, as "
            "torch.onnx.export(..., external_data=False) does"
        )


def _ports(path: Path, name: str) -> Interface:
    ports = describe(path)
    if len(ports.inputs) != 1:
        raise BadModel(f"{name}: it has {len(ports.inputs)} inputs; a teacher takes one")
    return ports


def _graph(path: Path) -> Graph | None:
    """The file as a graph of ours, which tells its size; None where it holds what we do not carry."""
    try:
        return read_graph(path)
    except BadModel:
        return None


def _preprocess(name: str, dataset: DataSet, said: Travelling, scaling: Mapping[str, Any]) -> Preprocess:
    found = dataset.about.preprocess
    if scaling:
        refuse_other_samples(name, scaled(found, scaling), dataset.about)
        return scaled(found, scaling)
    if said.preprocess and (said.preprocess.shape, said.preprocess.dtype) != (found.shape, found.dtype):
        fed = said.preprocess
        raise BadModel(
            f"{name}: it is fed {fed.shape} {fed.dtype}, but data set {dataset.about.name} has {found.shape} "
            f"{found.dtype}"
        )
    if said.preprocess:
        refuse_other_samples(name, said.preprocess, dataset.about)
    if said.task and dataset.about.task.kind == "classify" and said.task.labels != dataset.about.task.labels:
        raise BadModel(
            f"{name}: it tells apart {', '.join(said.task.labels)}; data set {dataset.about.name} has "
            f"{', '.join(dataset.about.task.labels)}, in this order"
        )
    return said.preprocess or found


def _notes(name: str, path: Path, meaning: Meaning, preprocess: Preprocess, dataset: DataSet) -> Iterator[str]:
    said = f"; {SAID[meaning]}" if meaning in SAID else ""
    yield f"the teacher is {name}, {path.stat().st_size:,} bytes, run by {RUNTIMES[path.suffix]}{said}"
    if preprocess != dataset.about.preprocess:
        yield f"the teacher {name} is fed with its own scaling, not with the student's"
