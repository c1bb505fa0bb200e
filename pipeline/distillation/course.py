"""The course of a training: all that its next epoch depends on, to be kept at an epoch's end and taken up again."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.optim import lr_scheduler

from ..artifact import canonical_json
from ..disk import is_full
from ..errors import BadArtifact
from ..progress import say
from ..ranks import is_first, wait
from ..resumption import resume_folder, taken_up
from .early_stopping import BestEpoch
from .kept_state import State, read_state, write_state
from .objective import Objective
from .options import Training

FORMAT = 2  # of what is kept: raised when its facts change
SECONDS = 5.0  # of training that a kill may cost, besides the epoch that it falls into
SHARE = 0.05  # of a training's time that keeping its state may take


@dataclass(frozen=True, eq=False)
class Course:
    """What an epoch changes: the net, the methods, the optimiser, its rate, the best epoch, torch's random numbers."""

    net: nn.Module
    objective: Objective
    stepping: torch.optim.Optimizer
    rate: lr_scheduler.LRScheduler
    best: BestEpoch

    def state(self) -> State:
        """Everything as it is now."""
        optimizer, best = self.stepping.state_dict(), self.best.state()
        tensors = {f"best.{name}": values for name, values in best.tensors.items()}
        tensors |= {f"net.{name}": values for name, values in self.net.state_dict().items()}
        tensors |= {f"methods.{name}": values for name, values in self.objective.state_dict().items()}
        values = {
            f"optimizer.{number}.{name}": value
            for number, held in optimizer["state"].items()
            for name, value in held.items()
        }
        tensors |= {name: value for name, value in values.items() if isinstance(value, torch.Tensor)}
        tensors["random"] = torch.get_rng_state()
        facts = {
            "rate": self.rate.state_dict(),
            "groups": optimizer["param_groups"],
            "values": {name: value for name, value in values.items() if name not in tensors},
            "best": best.facts,
        }
        return State(tensors, facts)

    def take_up(self, state: State) -> None:
        """Everything as it was then; BadArtifact, and nothing is changed, when the state is of other nets."""
        for prefix, module in (("net.", self.net), ("methods.", self.objective)):
            _check_same(prefix, module.state_dict(), state.tensors)
        self.net.load_state_dict(_under("net.", state.tensors))
        self.objective.load_state_dict(_under("methods.", state.tensors))
        held: dict[int, dict[str, Any]] = {}
        for name, value in {**state.facts["values"], **_under("optimizer.", state.tensors, keep=True)}.items():
            _, number, key = name.split(".", 2)
            held.setdefault(int(number), {})[key] = value
        self.stepping.load_state_dict({"state": held, "param_groups": state.facts["groups"]})
        self._lay_out()
        self.rate.load_state_dict(dict(state.facts["rate"]))
        self.best.take_up(State(_under("best.", state.tensors), state.facts["best"]))
        torch.set_rng_state(state.tensors["random"])

    def _lay_out(self) -> None:
        """What the optimiser holds lies in memory as its parameter does: in another order, sums may round otherwise."""
        for parameter, held in self.stepping.state.items():
            for name, values in held.items():
                if isinstance(values, torch.Tensor) and values.shape == parameter.shape:
                    held[name] = torch.empty_like(parameter).copy_(values)


class Keeper:
    """Keeps a course where its work may go on, at most every `SECONDS`, and takes it up after a kill."""

    def __init__(self, course: Course, training: Training) -> None:
        self.course = course
        self.last, self.took = time.monotonic(), 0.0
        self.begun, self.before = self.last, 0.0  # seconds that a killed process spent until what it kept
        folder = resume_folder()
        self.path = folder / f"{_identity(course, training)}.safetensors" if folder else None

    def go_on(self) -> None:
        """Takes up what was kept of this very training; a file that is damaged is told and not used."""
        if self.path is None:
            return
        try:
            if state := read_state(self.path):
                self.course.take_up(state)
                self.before = float(state.facts["seconds"])
                taken_up(self.before)
                say(f"the training goes on after epoch {len(self.course.best.history)}")
        except BadArtifact as error:
            say(f"{error}; the training begins anew")
        wait()  # nobody keeps another state before all have read this one

    def keep(self) -> None:
        """Called at an epoch's end."""
        if self.path is None or not is_first() or time.monotonic() - self.last < max(SECONDS, self.took / SHARE):
            return
        started = time.monotonic()
        try:
            write_state(self.path, self._state(self.before + started - self.begun))
        except Exception as error:  # safetensors tells of a full disk by an error of its own
            if not (isinstance(error, OSError) or is_full(error)):
                raise  # a disk without room for this may have room for what the stage writes in the end
        self.last = time.monotonic()
        self.took = self.last - started

    def _state(self, seconds: float) -> State:
        state = self.course.state()
        return replace(state, facts={**state.facts, "seconds": seconds})


def _identity(course: Course, training: Training) -> str:
    """What tells this training from any other that its stage may run: its options, and all that it begins with."""
    begun = course.state()
    facts = {**begun.facts, "options": canonical_json(asdict(training)), "format": FORMAT}
    return State(begun.tensors, facts).seal()[:32]


def _under(prefix: str, tensors: Mapping[str, torch.Tensor], keep: bool = False) -> dict[str, torch.Tensor]:
    """The tensors whose names begin so, by the rest of their names, or by all of them."""
    start = 0 if keep else len(prefix)
    return {name[start:]: values for name, values in tensors.items() if name.startswith(prefix)}


def _check_same(prefix: str, here: Mapping[str, torch.Tensor], kept: Mapping[str, torch.Tensor]) -> None:
    there = _under(prefix, kept)
    if {name: values.shape for name, values in here.items()} != {name: values.shape for name, values in there.items()}:
        raise BadArtifact("what was kept of this training is of another net")
