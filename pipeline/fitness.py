"""Which nets a stage cannot do anything with, told before the first of them is trained."""

from collections.abc import Mapping
from typing import Protocol

from .distillation.inverting import OF_TOKENS as NOT_INVERTED
from .errors import BadRecipe
from .models.catalog import OF_TOKENS
from .stages import name_of
from .stages.stage import Stage

NOT_PRUNED = (
    "channels are removed from nets of images and series, but model {model!r} reads token ids; leave the stage out and "
    "choose a smaller width under [student]"
)
REFUSALS = {"prune": ("source", NOT_PRUNED), "invert": ("teacher", "model {model!r} reads token ids: " + NOT_INVERTED)}


class Made(Protocol):
    """A stage with its inputs by the names of those that made them."""

    @property
    def stage(self) -> Stage: ...

    @property
    def inputs(self) -> Mapping[str, str]: ...


def check_net(where: str, stage: Stage, inputs: Mapping[str, str], steps: Mapping[str, Made]) -> None:
    """BadRecipe when the net that a stage works on reads token ids and the stage can do nothing with it."""
    if name_of(stage) not in REFUSALS:
        return
    name, refusal = REFUSALS[name_of(stage)]
    model = _model(steps[inputs[name]], steps)
    if model in OF_TOKENS:
        raise BadRecipe(f"{where}: {refusal.format(model=model)}")


def _model(step: Made, steps: Mapping[str, Made]) -> str | None:
    """The net that this step is one of, by its name in a recipe."""
    while "model" not in vars(step.stage) and "source" in step.inputs:
        step = steps[step.inputs["source"]]
    return vars(step.stage).get("model")
