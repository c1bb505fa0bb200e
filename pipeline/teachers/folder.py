"""A foreign teacher as an artifact: a folder with the file or the head, and what was found out about it."""

import json
import shutil
from pathlib import Path

import numpy as np

from ..artifact import Artifact, canonical_json
from ..data.dataset import DataSet
from ..distillation.teacher import Teacher, net_teacher
from ..errors import BadInput
from ..models.checkpoint import load_checkpoint
from .model_file import FileTeacher, file_teacher_from_json
from .text_head import TextTeacher, load_embeddings


def save_file_teacher(folder: Path, teacher: FileTeacher) -> None:
    """Writes model.onnx or model.tflite, and about.json."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(teacher.path, folder / f"model{teacher.path.suffix}")
    (folder / "about.json").write_text(canonical_json({"file": teacher.path.suffix, **teacher.to_json()}))


def save_text_teacher(folder: Path, teacher: TextTeacher) -> None:
    """Writes weight.npy, bias.npy and about.json; the embeddings are an artifact of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "weight.npy", teacher.weight, allow_pickle=False)
    np.save(folder / "bias.npy", teacher.bias, allow_pickle=False)
    (folder / "about.json").write_text(canonical_json({"notes": list(teacher.notes)}))


def load_teacher(source: Artifact, dataset: DataSet, embeddings: Artifact | None) -> Teacher:
    """The teacher of a checkpoint or of a teacher's folder; one that reads words needs its embeddings."""
    if source.kind == "checkpoint":
        return net_teacher(load_checkpoint(source.path), dataset)
    about = json.loads((source.path / "about.json").read_text())
    if "file" in about:
        return file_teacher_from_json(source.path / f"model{about.pop('file')}", about)
    if embeddings is None:
        raise BadInput("a teacher that reads words needs its embeddings: name them as the input 'embeddings'")
    weight, bias = (np.load(source.path / f"{name}.npy", allow_pickle=False) for name in ("weight", "bias"))
    return TextTeacher(load_embeddings(embeddings.path), weight, bias, tuple(about["notes"]))
