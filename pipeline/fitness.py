"""Which nets a stage cannot do anything with, or nothing fair, told before the first of them is trained."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Protocol

from .distillation.guiding import TEACHERS
from .distillation.inverting import OF_TOKENS as NOT_INVERTED
from .distillation.options import Training
from .errors import BadRecipe
from .models.catalog import OF_TOKENS, filled
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
    model = vars(beginning(steps[inputs[name]], steps).stage).get("model")
    if model in OF_TOKENS:
        raise BadRecipe(f"{where}: {refusal.format(model=model)}")


def check_student(
    where: str, stage: Stage, inputs: Mapping[str, str], steps: Mapping[str, Made], student: Stage
) -> None:
    """BadRecipe when a stage teaches the net of `student`, which is trained alone, on more than that one has; or when
    it hears one teacher twice."""
    heard = [(name, inputs[name]) for name in TEACHERS if name in inputs]
    for place, (name, step) in enumerate(heard):
        if twice := [other for other, same in heard[:place] if same == step]:
            raise BadRecipe(f"{where}: {twice[0]} and {name} are one and the same, {step!r}; name another, or only one")
    if name_of(stage) == "distill" and same_net(stage, student):
        _check_budget(where, stage, student)
        _check_start(where, inputs, steps, student)


def same_net(one: Stage, other: Stage) -> bool:
    """Whether two stages train nets of one shape."""
    nets = [(vars(stage)["model"], filled(vars(stage)["model"], vars(stage)["options"])) for stage in (one, other)]
    return nets[0] == nets[1]


def _check_budget(where: str, stage: Stage, student: Stage) -> None:
    for option in (field.name for field in fields(Training) if field.name != "seed"):
        own, alone = vars(stage)[option], vars(student)[option]
        if own != alone:
            raise BadRecipe(
                f"{where}: {option} is {own}, but the student from scratch, the same net, has {alone}: that would be "
                "told as what teaching brings; leave model out, and the stage has all that stands under [student]"
            )


def _check_start(where: str, inputs: Mapping[str, str], steps: Mapping[str, Made], student: Stage) -> None:
    if "weights" not in inputs:
        return
    begun = beginning(steps[inputs["weights"]], steps).stage
    if "model" in vars(begun) and same_net(begun, student):
        raise BadRecipe(
            f"{where}: initial would begin with {inputs['weights']!r}, which is the student's own net and trained "
            "already, and go on: more steps than the student from scratch has; take the weights of another net"
        )


def beginning(step: Made, steps: Mapping[str, Made]) -> Made:
    """Where what a step works on begins: the step that builds the net, or reads a file of somebody's."""
    while "model" not in vars(step.stage) and "source" in step.inputs:
        step = steps[step.inputs["source"]]
    return step
