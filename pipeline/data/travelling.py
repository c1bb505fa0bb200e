"""What travels in a model file that we wrote: its preprocess, its task, and the data set it was trained on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import BadInput, BadModel
from ..preprocess import Preprocess, preprocess_from_json
from ..task import Task, task_from_json
from .dataset import Drawn, drawn_from_json

KEY = "edgestill"  # of the file's metadata


@dataclass(frozen=True)
class Travelling:
    """None where the file does not say. `data` is which split of which data the model was trained on."""

    preprocess: Preprocess | None = None
    task: Task | None = None
    data: Drawn | None = None


def travelling(metadata: Mapping[str, str], where: str) -> Travelling:
    """What the metadata of this model file say; BadModel when they are not what we write."""
    if KEY not in metadata:
        return Travelling()
    try:
        said = json.loads(metadata[KEY])
        preprocess, task, data = (said.get(name) for name in ("preprocess", "task", "data"))
        return Travelling(
            preprocess_from_json(preprocess) if preprocess else None,
            task_from_json(task) if task else None,
            drawn_from_json(data) if data else None,
        )
    except (ValueError, TypeError, LookupError, AttributeError, BadInput) as error:
        raise BadModel(
            f"{where}: its metadata {KEY!r} are not what edgestill writes ({error}); export it again, or remove them"
        ) from error
