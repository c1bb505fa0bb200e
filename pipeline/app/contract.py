"""What an app must know of a model: the shape and order of what it takes, and what its answers mean."""

import math
import re
from dataclasses import dataclass, replace
from typing import Any

from ..data.travelling import travelling
from ..errors import BadModel
from ..graph.graph import Graph
from ..preprocess import Preprocess
from ..task import Task

COLOURS = {1: "grey", 3: "red, green, blue"}
WHITE = 255.0  # the divisor of samples that are bytes of images


@dataclass(frozen=True)
class Contract:
    """`shape` is the input's in TFLite, a batch of one first; `inputs` and `outputs` count values.

    The preprocess leads from raw values to what the model is fed; where nobody knows one it changes nothing.
    """

    name: str
    shape: tuple[int, ...]
    outputs: int
    preprocess: Preprocess
    task: Task

    @property
    def inputs(self) -> int:
        return math.prod(self.shape)

    @property
    def type_name(self) -> str:
        """The model's name as a type in a program."""
        words = re.findall(r"[A-Za-z0-9]+", self.name)
        found = "".join(word[0].upper() + word[1:] for word in words)
        return found if found[:1].isalpha() else f"Net{found}"

    @property
    def takes_pictures(self) -> bool:
        """Whether raw samples are images, with bytes from 0 to 255."""
        raw = self.preprocess
        pictured = len(raw.shape) == 3 and raw.shape[-1] in COLOURS and min(raw.shape[:2]) > 1
        return pictured and raw.dtype == "uint8" and raw.divisor == WHITE and raw.front_end is None

    def to_json(self) -> dict[str, Any]:
        """What preprocess.json says."""
        return {"model": self.name, "input": list(self.shape), "layout": "channels-last", **self.preprocess.to_json()}


def contract(name: str, integer: Graph, task: Task | None = None) -> Contract:
    """The contract of an integer graph as its metadata tell it; `task` where these do not.

    BadModel when it has more inputs or outputs than one.
    """
    if (len(integer.inputs), len(integer.outputs)) != (1, 1):
        raise BadModel(f"{name}: an app's folder is made for models with one input and one output")
    known = travelling(integer.metadata, name)
    given, returned = (integer.tensors[names[0]] for names in (integer.inputs, integer.outputs))
    outputs = math.prod(returned.shape[1:])
    plain = Preprocess(given.shape[1:], "int32" if integer.takes_ids() else "float32")
    fits = known.preprocess is not None and known.preprocess.shape == given.shape[1:]
    return Contract(
        re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "model",
        (1, *given.shape[1:]),
        outputs,
        known.preprocess if known.preprocess and fits else plain,
        _meant(known.task or task, outputs, given.shape[1:]),
    )


def _meant(task: Task | None, outputs: int, shape: tuple[int, ...]) -> Task:
    """The task, its labels in one line each; where there is none that fits, outputs are values by their number."""
    if task is None or task.outputs(shape) != outputs:
        return Task("regress", tuple(map(str, range(outputs))))
    return replace(task, labels=tuple(_line(label) for label in task.labels))


def _line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
