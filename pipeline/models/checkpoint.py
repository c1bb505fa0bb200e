"""A checkpoint is one safetensors file: its header says which factory to call, its tensors how wide every layer is."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..artifact import canonical_json
from ..data.dataset import Drawn, drawn_from_json
from ..errors import BadInput, BadModel
from ..preprocess import Preprocess, preprocess_from_json
from ..task import Task, task_from_json

if TYPE_CHECKING:
    from torch import nn

KEY = "edgestill"  # of the header's metadata
VERSION = 3


@dataclass(frozen=True)
class Epoch:
    """What one epoch of training came to: its mean loss, the task's metric on validation after it, and whether the
    weights after it are those that were kept."""

    loss: float
    validation: float
    kept: bool = False


@dataclass(frozen=True)
class About:
    """What the header says: how the net is built, what it is fed, what its outputs mean, how its training went.

    `data` is which split of which data it was trained on, `sources` the digests of the user's own source
    files that build the net: with other sources it is another file.
    """

    model: str
    options: Mapping[str, Any]
    task: Task
    preprocess: Preprocess
    seed: int
    history: tuple[Epoch, ...] = field(default=())
    data: Drawn | None = None
    sources: tuple[str, ...] = ()

    @property
    def outputs(self) -> int:
        """How many values the net gives for one sample."""
        return self.task.outputs(self.preprocess.shape)

    def to_json(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "model": self.model,
            "options": dict(self.options),
            "task": self.task.to_json(),
            "preprocess": self.preprocess.to_json(),
            "seed": self.seed,
            "history": [[epoch.loss, epoch.validation, epoch.kept] for epoch in self.history],
            "data": self.data.to_json() if self.data else None,
            "sources": list(self.sources),
        }


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A net with its weights, in evaluation mode, and what its header says."""

    net: "nn.Module"
    about: About


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes the file; the same checkpoint gives the same bytes, with no time and no path in them."""
    import torch
    from safetensors.torch import save_file

    tensors = {  # copies, for a file holds what layers share once for each of them
        name: tensor.detach().clone(memory_format=torch.contiguous_format)
        for name, tensor in checkpoint.net.state_dict().items()
    }
    save_file(tensors, path, metadata={KEY: canonical_json(checkpoint.about.to_json())})


def read_about(path: Path) -> About:
    """The header alone, without torch; BadModel when the file is damaged or was not written by `save_checkpoint`."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise BadModel(f"{path}: cannot be read as a checkpoint: {error}") from error
    if KEY not in metadata:
        raise BadModel(f"{path}: a safetensors file, but edgestill did not write it: its header has no {KEY!r}")
    try:
        return _about_from_json(json.loads(metadata[KEY]))
    except (ValueError, KeyError, TypeError, AttributeError, BadInput) as error:
        raise BadModel(f"{path}: its header is not one that this edgestill writes: {error}") from error


def load_checkpoint(path: Path) -> Checkpoint:
    """The net as it was saved, pruned or not: the factory builds it whole, then every layer gets its tensors' widths.

    BadModel when tensors and net do not fit together, BadRecipe when the factory is the user's own and not found.
    """
    from safetensors.torch import load_file

    from .catalog import build
    from .widths import resize

    about = read_about(path)
    tensors = load_file(path)
    net = build(about.model, about.preprocess.shape, about.outputs, about.options)
    try:
        resize(net, tensors)
        net.load_state_dict(tensors)
    except (RuntimeError, ValueError) as error:
        raise BadModel(f"{path}: its tensors do not fit the model {about.model!r}: {error}") from error
    return Checkpoint(net.eval(), about)


def _about_from_json(values: Mapping[str, Any]) -> About:
    if values["version"] != VERSION:
        raise ValueError(f"version {values['version']}, expected {VERSION}")
    return About(
        model=values["model"],
        options=values["options"],
        task=task_from_json(values["task"]),
        preprocess=preprocess_from_json(values["preprocess"]),
        seed=values["seed"],
        history=tuple(Epoch(*epoch) for epoch in values["history"]),
        data=drawn_from_json(values["data"]) if values["data"] else None,
        sources=tuple(values["sources"]),
    )
